#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/function.h"
#include "cluster/envelope.h"
#include "cluster/hybrid_clock.h"
#include "cluster/messages.h"
#include "cluster/store.h"
#include "net/loop.h"

namespace mr::cluster {

// What a CommandLog asks of its node.
class CommandEvents {
 public:
  // A command of another node, once each: it holds for what there was `age` ago.
  virtual void on_command(const Command& command, base::Duration age) = 0;
  // To all nodes, over the bus.
  virtual void tell(CommandMessage message) = 0;
  // The store has another life: what it was given before may be lost.
  virtual void on_store_renewed() = 0;

 protected:
  ~CommandEvents() = default;
};

struct CommandCounters {
  std::uint64_t issued = 0;
  std::uint64_t obeyed = 0;        // of other nodes
  std::uint64_t from_log = 0;      // of these, not heard on the bus but found in the log
  std::uint64_t written_back = 0;  // that the log had lost, or never had
  std::uint64_t forgotten = 0;     // that made room for newer ones
  std::uint64_t unknown_kind = 0;  // kept for nodes that know them
  std::uint64_t unanswered = 0;    // times that the store said nothing
};

// What operators order all nodes to do, in one record of the store for kLife, so that a node that
// did not hear of it obeys later. Every node tells a digest of what it knows; who finds another one
// reads the whole log, obeys what it did not know and writes back what is missing there. Control
// loop; outlived by its loop and store.
class CommandLog {
 public:
  static constexpr base::Duration kLife = std::chrono::minutes(10);
  static constexpr std::size_t kCommandsMax = 4096;
  // How much the clocks of two nodes may differ: what is so much newer than a command may be hit.
  static constexpr base::Duration kSlack = std::chrono::milliseconds(40);

  CommandLog(net::Loop& loop, Store& store, std::string_view secret, CommandEvents& events);
  ~CommandLog();
  CommandLog(const CommandLog&) = delete;
  CommandLog& operator=(const CommandLog&) = delete;

  // Of this node, which has obeyed it already.
  void issue(CommandKind kind, std::string app_id, std::string user_id);
  void hear(const CommandMessage& message);
  // Another node knows something else.
  void compare(std::uint64_t digest);
  // The whole log, now or when the store answers.
  void read();
  // Asks the store for its life, and nothing else.
  void look();
  // It was read since the start; or there is no store to read it of.
  bool is_read() const { return is_read_ || !store_.problem().empty(); }

  std::uint64_t digest();
  HybridClock& clock() { return clock_; }
  std::size_t size() const { return known_.size(); }
  const CommandCounters& counters() const { return counters_; }

 private:
  void exchange();
  void on_log(const StoreAnswer& answer);
  std::vector<Command> decode(const std::string& value);
  void write(Revision expected);
  void end(bool is_done);
  bool learn(const Command& command);
  void forget_old();

  net::Loop& loop_;
  Store& store_;
  CommandEvents& events_;
  EnvelopeCodec codec_;
  HybridClock clock_;
  std::map<std::uint64_t, Command> known_;  // by id
  StoreLife life_ = StoreLife::kNone;
  bool is_read_ = false;
  bool is_busy_ = false;    // a read or write is under way
  bool is_wanted_ = false;  // once more
  net::TimerId timer_ = net::TimerId::kNone;
  CommandCounters counters_;
};

}  // namespace mr::cluster
