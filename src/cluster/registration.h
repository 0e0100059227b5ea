#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/function.h"
#include "cluster/node_roll.h"
#include "cluster/store.h"
#include "net/loop.h"

namespace mr::cluster {

class RegistrationEvents {
 public:
  // Under another epoch than before: what this node holds is to be stated anew.
  virtual void on_registered() = 0;
  // Another node's line, once per epoch of it.
  enum class Change : std::uint8_t { kJoined, kUpdated, kLeft, kDied };
  virtual void on_node(Change change, const RollLine& line) = 0;
  // What we are called from now on: the wish, or made of it while another node has that name.
  virtual void on_name(const std::string& name) = 0;

 protected:
  ~RegistrationEvents() = default;
};

struct RegistrationOptions {
  std::string name;
  base::Duration node_timeout = std::chrono::seconds(5);
};

struct RegistrationCounters {
  std::uint64_t registrations = 0;
  std::uint64_t buried = 0;  // other nodes' lines, by us
};

// This node's line among those of all, in one record of the store. The beat rises every second;
// who sees a line unchanged for the node timeout buries it, by compare-and-set. A registration
// whose deadline passed, 0.9 of that after the sending of its last answered beat, is never renewed:
// the next one follows it under a new epoch. Control loop; the store is stopped before this ends.
class Registration {
 public:
  Registration(net::Loop& loop, Store& store, BootId self, RegistrationOptions options,
               RegistrationEvents& events);
  ~Registration();
  Registration(const Registration&) = delete;
  Registration& operator=(const Registration&) = delete;
  void start();
  void stop();

  // Runs once, when our line stands in the store and all others were read; after two seconds
  // without the store with ours alone.
  using Boots = std::vector<BootId>;
  void enroll(base::Function<void(const Boots&)> done);
  // Takes our line out; nothing is written after it. `done` runs once, when it is out or after half
  // a second.
  void leave(base::Task done);

  // Nobody has buried us: what we hold is ours.
  bool is_valid() const { return epoch_ != 0 && loop_.clock().now() < deadline_; }
  // The store has never answered, for two seconds since the start.
  bool is_alone() const;
  BootId self() const { return self_; }
  std::uint64_t epoch() const { return epoch_; }
  const std::string& name() const { return name_; }
  // Why the store's record cannot be used; empty: it can, or the store does not answer.
  const std::string& problem() const { return problem_; }
  const RegistrationCounters& counters() const { return counters_; }
  // As last read.
  const NodeRoll& roll() const { return roll_; }

  // What became of another request to the store, for the watch over its servers' lives.
  void note(const StoreAnswer& answer);
  // Everybody who holds something has had time to state it in this life of the server and in the
  // one of the record of nodes.
  bool is_open(StoreLife life) const;

 private:
  struct Seen {
    std::uint64_t epoch = 0;
    std::uint64_t beat = 0;
    base::TimePoint since{};
  };
  base::TimePoint now() const { return loop_.clock().now(); }
  void tick();
  void look();
  void on_read(const StoreAnswer& answer);
  void observe();
  void tell_changes(const NodeRoll& before);
  NodeRoll next_roll();
  void register_in(NodeRoll& next);
  void bury_silent(NodeRoll& next);
  void choose_name(const NodeRoll& roll, RollLine& own) const;
  void write(NodeRoll next, Revision expected);
  void on_written(const StoreAnswer& answer, NodeRoll written, base::TimePoint sent);
  void finish();
  void answer_waiting();
  void end_leave();

  net::Loop& loop_;
  Store& store_;
  const BootId self_;
  const RegistrationOptions options_;
  RegistrationEvents& events_;
  RegistrationCounters counters_;
  NodeRoll roll_;
  StoreLife life_ = StoreLife::kNone;  // of the roll; kNone: the last read was not answered
  std::map<BootId, Seen> seen_;
  std::map<StoreLife, base::TimePoint> lives_;  // since when each was watched without a break
  std::vector<base::Function<void(const Boots&)>> waiting_;
  base::Task left_;
  std::string name_;
  std::string problem_;
  std::uint64_t epoch_ = 0;
  std::uint64_t known_ = 0;  // the highest epoch that we asked for or saw
  base::TimePoint deadline_{};
  base::TimePoint started_{};
  base::TimePoint beat_at_{};
  base::TimePoint waiting_since_{};
  int tries_ = 0;
  bool is_busy_ = false;
  bool has_read_ = false;
  bool is_leaving_ = false;
  net::TimerId timer_ = net::TimerId::kNone;
  net::TimerId leave_timer_ = net::TimerId::kNone;
};

}  // namespace mr::cluster
