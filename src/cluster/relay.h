#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/function.h"
#include "cluster/bus.h"
#include "cluster/envelope.h"
#include "cluster/messages.h"
#include "cluster/options.h"
#include "cluster/outbox.h"
#include "cluster/part.h"
#include "net/loop.h"

namespace mr::cluster {

// Messages that were lost between nodes.
struct GapReport {
  std::uint32_t partition = 0;
  base::TimePoint found{};
  bool is_known = false;             // false: what and how many nobody can tell
  std::vector<GapAnswer::Hit> hits;  // when it is known
};

// What a Relay hands to its node, on its loop.
class RelayEvents {
 public:
  // From another node, or an ordered one of this node whose sender waits no more; those of a node
  // in the order in which it numbered them. Of a partition that nobody hears yet just the events of
  // cache channels.
  virtual void on_message(BootId from, EventMessage message) = 0;
  virtual void on_gap(const GapReport& report) = 0;
  // What cannot be read; it changes nothing.
  virtual void on_refused(const base::Error<EnvelopeErrc>& /*why*/) {}
  // The broker is there again; what waits for it is sent behind this call.
  virtual void on_up() {}
  // What is known of the partition's channels may be old: messages may have been missed.
  virtual void on_doubt(std::uint32_t /*partition*/) {}
  // Runs `mark` when what was sent until now can be read by who hears nothing of it on the bus.
  virtual void before_mark(std::uint32_t /*partition*/, base::Task mark) { mark(); }

 protected:
  ~RelayEvents() = default;
};

struct RelayCounters {
  std::uint64_t published = 0;             // numbered
  std::uint64_t delivered = 0;             // of other nodes
  std::uint64_t echoes = 0;                // own ones that came back
  std::uint64_t duplicates = 0;            // had already, or counted as missed
  std::uint64_t before_marker = 0;         // nobody was subscribed yet
  std::uint64_t unwanted = 0;              // of a partition that nobody wants any more
  std::uint64_t missed = 0;                // lost, and the origin said for which channels
  std::uint64_t gaps_unknown = 0;          // times that nobody could say
  std::uint64_t markers_late = 0;          // partitions that went on without one
  std::uint64_t resubscribed = 0;          // deaf partitions
  std::uint64_t served_offline = 0;        // joins that did not wait for the broker
  std::uint64_t channel_bytes = 0;         // heard from the broker in messages, own ones too
  std::uint64_t other_bytes = 0;           // in markers, probes and what cannot be read
  std::uint64_t ordered = 0;               // own ones that the broker gave their place
  std::uint64_t ordered_refused = 0;       // for which it was away
  std::uint64_t ordered_unanswered = 0;    // that did not come back in time
  std::array<std::uint64_t, 8> refused{};  // envelopes, by EnvelopeErrc
};

struct RelayState {
  bool is_up = false;    // connected, and linked
  bool is_deaf = false;  // some partition does not hear what it should, though the broker is there
  std::size_t queued_bytes = 0;     // that wait for the broker
  std::uint64_t queue_dropped = 0;  // messages, ever
};

// One loop's way to the other nodes, for the bus partitions that are homed on this loop: numbers
// what goes out, keeps order, drops echoes and duplicates, finds gaps, and holds subscribers back
// until the partition is heard (docs/cluster.md, "Order and gaps"). The node table, which lives on
// the control loop, tells it who is there. Loop only.
class Relay final : public BusEvents {
 public:
  // `bus` was made with this Relay as its events, or will be; both live as long as the loop.
  Relay(net::Loop& loop, const Options& options, BootId self, RelayEvents& events);
  ~Relay();
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;
  // Once, before anything else.
  void start(Bus& bus);
  void stop();

  // Numbers the message and sends it; while the broker is away it waits in a bounded queue.
  // With `done` this node too has the message only from the broker, so that all nodes have it in
  // one order; it is refused while the broker is away. Gives the number; with `done` 0.
  std::uint64_t publish(std::uint32_t partition, EventMessage message, OnReturned done = {});

  // Runs `join` when the partition is heard, at once as a rule; joins keep their order. The
  // partition is wanted from now on, until it had no occupant for `Options::linger`.
  void enter(std::uint32_t partition, base::Task join);
  // Runs `task` after every join that waits there.
  void follow(std::uint32_t partition, base::Task task);
  // A channel of the partition has its first subscriber, or none any more.
  void set_occupied(std::uint32_t partition, bool is_occupied);

  // From the node table. Linked: the nodes that were there before this connection are known to it.
  // Joined: what is numbered may be sent, every node knows of us, or learns that we were there
  // before it.
  void set_linked(bool is_linked, bool has_joined);
  enum class Peering : std::uint8_t {
    kJoining,  // it has published nothing yet
    kAlive,
    kGone,
  };
  void on_peer(BootId boot, Peering what);
  // From the control subject: mark requests, gap questions and answers; others do nothing.
  void on_control(BootId from, const Message& message);
  void on_tails(BootId from, const Tails& tails);

  // Whether this message of a node can still come here.
  bool is_to_come(std::uint32_t partition, BootId origin, std::uint64_t number) const;
  // The last number that was sent on each partition.
  Tails tails() const { return outbox_.tails(); }
  // What is published now is sent.
  bool may_send() const { return is_up() && has_joined_; }
  RelayState state() const;
  const RelayCounters& counters() const { return counters_; }

 private:
  void on_open() override;
  void on_lost(std::string_view why) override;
  void on_subscribed(Subject subject, Generation generation) override;
  void on_interrupted(Subject subject) override;
  void on_envelope(Subject subject, std::string_view bytes) override;

  struct Peer {
    BootId boot = BootId::kNone;
    bool is_alive = false;
    std::optional<base::TimePoint> greeted;  // when its joining was heard
  };
  struct Open {
    BootId origin = BootId::kNone;
    Gap gap;
    base::TimePoint found{};
  };
  bool is_up() const { return bus_is_open_ && is_linked_; }
  void tick();
  void begin();
  Part* find(std::uint32_t partition) const { return parts_[partition].get(); }
  Part& want(std::uint32_t partition);
  void subscribe(Part& part);
  void request_markers(const Part& part);
  void ask_marker(const Part& part, BootId boot);
  void watch(Part& part);
  void publish_ordered(std::uint32_t partition, EventMessage message, OnReturned done);
  void send_ordered(std::uint32_t partition, EventMessage message, Part::Awaited awaited);
  void hear_ordered(Part& part, EventMessage message);
  void behind_awaited(std::uint32_t partition, base::Task task);
  void give_up_awaited(Part& part);
  void check_due_awaited(Part& part);
  void miss_own(const Gap& gap);
  std::uint64_t number_and_send(std::uint32_t partition, EventMessage message);
  void watch_marking(Part& part);
  bool let_go(Part& part);
  void switch_on_if_marked(Part& part);
  bool is_open(const Part& part) const;
  void open_gate(Part& part);
  bool is_offline() const;

  void hear(Part& part, BootId from, EventMessage message);
  void hear(Part& part, BootId from, const MarkMessage& mark);
  void meet(Part& part, BootId boot, std::uint64_t number);
  void miss_until(Part& part, BootId boot, std::uint64_t last);
  void check_due_tails(Part& part);
  void answer(BootId from, const MarkRequest& request);
  void answer(BootId from, const GapQuestion& question);
  void ask_gaps(BootId origin);
  void settle_gap(BootId origin, const GapAnswer& answer);
  void report_unknown(std::uint32_t partition, base::TimePoint found);
  void report_unknown(std::uint32_t partition) { report_unknown(partition, loop_.clock().now()); }

  Peer& peer(BootId boot);
  std::string encode(Message message, std::uint8_t priority = model::kUsualPriority);
  bool say(Subject subject, Message message);
  bool is_flowing() const;
  void send_queued();

  net::Loop& loop_;
  const Options options_;
  const BootId self_;
  RelayEvents& events_;
  Bus* bus_ = nullptr;
  EnvelopeCodec codec_;
  Outbox outbox_;
  std::vector<std::unique_ptr<Part>> parts_;  // by number; null: not wanted
  std::vector<Peer> peers_;
  std::vector<Open> gaps_;  // asked for, not answered
  std::uint32_t generations_ = 0;
  bool bus_is_open_ = false;
  bool is_linked_ = false;
  bool has_joined_ = false;
  bool was_up_ = false;
  base::TimePoint down_since_{};
  base::TimePoint send_from_{};  // what is published before waits
  net::TimerId timer_ = net::TimerId::kNone;
  RelayCounters counters_;
};

}  // namespace mr::cluster
