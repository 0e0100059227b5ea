#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/function.h"
#include "cluster/broadcasts.h"
#include "cluster/bus.h"
#include "cluster/command_log.h"
#include "cluster/envelope.h"
#include "cluster/node_table.h"
#include "cluster/options.h"
#include "cluster/registry.h"
#include "cluster/relay.h"
#include "cluster/shares.h"
#include "net/loop.h"

namespace mr::cluster {

// The Relays of all loops of this node, reached from the control loop.
class Relays {
 public:
  // Runs on the loop of each Relay, on all at the same time: it changes nothing of its own. `done`
  // runs on the control loop when all have.
  virtual void each(base::Function<void(Relay&)> work, base::Task done) = 0;
  // Runs on the loop where the partition is homed.
  virtual void at(std::uint32_t partition, base::Function<void(Relay&)> work) = 0;
  // What other nodes hold has changed; to the homes of these channels, in order.
  virtual void hand_out(std::vector<ForeignChange> changes) = 0;
  // Whether all that other nodes hold is known: while it is not, nobody is taken for gone.
  virtual void set_whole(bool is_whole) = 0;
  // A broadcast of another node.
  virtual void take(BroadcastMessage message) = 0;
  // What cannot be read on the control subject; it changes nothing.
  virtual void on_refused(const base::Error<EnvelopeErrc>& /*why*/) {}
  // The last number given on each partition of this node, gathered on the control loop.
  virtual void gather_tails(base::Function<void(Tails)> done) = 0;
  // A command of another node, to all loops: it holds for what there was `age` ago.
  virtual void obey(const Command& command, base::Duration age) = 0;
  // The broker's store may have lost what this node gave it.
  virtual void on_store_renewed() = 0;
  // No loop's HybridClock is behind this time.
  virtual void advance_clocks(std::uint64_t time) = 0;

 protected:
  ~Relays() = default;
};

struct ControlCounters {
  std::uint64_t beats_sent = 0;
  std::uint64_t beats_heard = 0;
  std::uint64_t reconnects = 0;
  std::uint64_t bytes = 0;    // heard on the control subject, own ones too
  std::uint64_t refused = 0;  // envelopes that are none of ours, damaged or of another version
};

// This node on the control subject: hello, heartbeats, the node table, and what other nodes ask of
// our Relays. A node is linked, and its Relays publish, after every node that the store names has
// answered its hello or died. Control loop.
class Control final : public BusEvents, public TableEvents, public CommandEvents {
 public:
  Control(net::Loop& loop, const Options& options, BootId self, Relays& relays);
  ~Control();
  Control(const Control&) = delete;
  Control& operator=(const Control&) = delete;
  void start(Bus& bus, Registry& registry, Store& store);
  // Says that we leave; `done` when it was handed to the broker. Nothing is sent after it.
  void leave(base::Task done);
  void stop();

  // All other nodes close the user's connections that they have now.
  void terminate_user(std::string app_id, std::string user_id);

  // What homes say of this node; told to the others a few milliseconds later.
  void share(const ShareCount& count);
  void share(const ShareUser& user);

  // To the connections of all other nodes; while they cannot be reached it waits.
  void broadcast(BroadcastMessage message);

  bool is_linked() const { return is_linked_; }
  // Serves: it joined, or the broker stayed away for two seconds since the start, and it goes on
  // alone until it comes. Nothing is published before.
  bool has_joined() const { return has_joined_; }
  // Linked, and our own heartbeats come back.
  bool is_heard() const;
  // What heartbeats say of this node; another status is told at once.
  void describe(std::string_view status, const NodeFacts& facts, const NodeLoad& load);
  // What heartbeats call this node from now on.
  void set_name(const std::string& name) { options_.name = name; }
  const NodeTable& table() const { return table_; }
  const ControlCounters& counters() const { return counters_; }
  // What is counted there. `commands` is null when it was not started.
  struct Parts {
    const Broadcasts& broadcasts;
    const CommandLog* commands;
  };
  Parts parts() const { return {broadcasts_, commands_.get()}; }
  // Why the broker cannot be reached; empty while it can.
  const std::string& problem() const { return problem_; }

  void on_open() override;
  void on_lost(std::string_view why) override;
  void on_subscribed(Subject subject, Generation generation) override;
  void on_envelope(Subject subject, std::string_view bytes) override;
  void on_joining(BootId boot) override;
  void on_alive(BootId boot) override;
  void on_gone(BootId boot) override;
  void on_command(const Command& command, base::Duration age) override;
  void tell(CommandMessage message) override;
  void on_store_renewed() override { relays_.on_store_renewed(); }

 private:
  void tick();
  void say(Message message, std::uint8_t priority = model::kUsualPriority);
  void subscribe();
  void register_node();
  void join_if_welcome();
  void join();
  void beat_later();
  void beat();
  void hear(BootId from, const HelloMessage& hello);
  void hear(BootId from, const WelcomeMessage& welcome);
  void hear(BootId from, const BeatMessage& beat);
  void hear(BootId from, const LeaveMessage& leave);
  void hear(BootId from, const ShareMessage& share);
  void hear(BootId from, BroadcastMessage broadcast);
  void send_broadcasts();
  void tell_relays();
  void compare(const BeatMessage& beat);
  void tell_news_later();
  void tell_news();
  void tell_share(BootId to);
  void doubt();
  void judge_shares();
  void hand_on(BootId from, Message message);

  net::Loop& loop_;
  Options options_;
  const BootId self_;
  Relays& relays_;
  Bus* bus_ = nullptr;
  Registry* registry_ = nullptr;
  std::unique_ptr<CommandLog> commands_;
  EnvelopeCodec codec_;
  NodeTable table_;
  Shares shares_;
  Broadcasts broadcasts_;
  base::TimePoint speaks_from_{};  // broadcasts of before wait
  ControlCounters counters_;
  std::string status_ = "healthy";
  NodeFacts facts_;
  NodeLoad load_;
  std::string problem_;
  std::vector<BootId> unwelcome_;  // nodes that have not answered our hello
  std::uint32_t generations_ = 0;
  std::uint64_t connection_ = 0;  // counts them: an answer to an earlier one is none
  std::uint64_t beats_ = 0;
  base::TimePoint started_{};
  base::TimePoint linked_{};
  base::TimePoint asked_{};  // the control subject, of the broker
  bool is_open_ = false;
  bool is_subscribed_ = false;
  bool is_linked_ = false;
  bool has_joined_ = false;
  bool is_leaving_ = false;
  bool is_news_due_ = false;
  bool is_whole_ = true;
  net::TimerId tick_timer_ = net::TimerId::kNone;
  net::TimerId beat_timer_ = net::TimerId::kNone;
};

}  // namespace mr::cluster
