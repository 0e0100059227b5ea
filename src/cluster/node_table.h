#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "cluster/messages.h"
#include "cluster/options.h"
#include "cluster/types.h"

namespace mr::cluster {

// What changes in the node table; each once per boot and change.
class TableEvents {
 public:
  // It said that it joins and has published nothing yet.
  virtual void on_joining(BootId boot) = 0;
  virtual void on_alive(BootId boot) = 0;
  // It left, or was silent for the node timeout.
  virtual void on_gone(BootId boot) = 0;

 protected:
  ~TableEvents() = default;
};

// One node, of this boot; a name that comes back is another line.
struct NodeLine {
  BootId boot = BootId::kNone;
  std::string name;
  std::string status;
  NodeFacts facts{};
  NodeLoad load{};
  bool is_alive = false;
  bool has_left = false;
  std::uint64_t beat = 0;        // number of its last heartbeat
  std::uint32_t own_echoes = 0;  // heartbeats of ours that came back since
  base::TimePoint heard{};
  std::optional<base::TimePoint> greeted;
};

// Who is there, from what was heard on the control subject. Dead is who was silent for the node
// timeout since its last sign or since we were connected again, while at least four of our own
// heartbeats came back: else it is we who were away. Pure; control loop.
class NodeTable {
 public:
  NodeTable(BootId self, const Options& options, TableEvents& events);

  // The control subject is heard from now on; nobody is judged by the time before.
  void open(base::TimePoint now);
  // Boots that the store knows; they are alive until they were silent for too long.
  void note(BootId boot, base::TimePoint now);
  void greet(BootId boot, const HelloMessage& hello, base::TimePoint now);
  // False: an old one, or of a boot that left.
  bool hear(BootId boot, const BeatMessage& beat, base::TimePoint now);
  void leave(BootId boot);
  void bury_silent(base::TimePoint now);
  // Our own line, which is true without the broker too.
  void describe_self(std::string_view status, const NodeFacts& facts, const NodeLoad& load);

  // When our own heartbeat was last heard.
  base::TimePoint echo() const { return echo_; }
  const std::vector<NodeLine>& lines() const { return lines_; }
  const NodeLine* find(BootId boot) const;

 private:
  NodeLine& line(BootId boot, base::TimePoint now);
  void revive(NodeLine& line, base::TimePoint now);
  void forget(NodeLine& line);

  const BootId self_;
  const base::Duration heartbeat_;
  const base::Duration node_timeout_;
  TableEvents& events_;
  std::vector<NodeLine> lines_;
  base::TimePoint opened_{};
  base::TimePoint echo_{};
};

}  // namespace mr::cluster
