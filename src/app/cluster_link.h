#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "app/bus_source.h"
#include "app/bus_tap.h"
#include "app/shared_limits.h"
#include "base/function.h"
#include "channel/fan_out.h"
#include "channel/home.h"
#include "cluster/control.h"
#include "cluster/node_news.h"
#include "cluster/relay.h"
#include "model/app.h"
#include "net/runtime.h"
#include "observability/gauge.h"
#include "observability/log.h"

namespace mr::app {

// Where what comes from other nodes ends, of one loop.
struct LoopEnd {
  channel::Home& home;
  channel::FanOut& fan_out;
  channel::Subscribers& subscribers;
};

// This node's place in its cluster: a Relay and a bus per loop, Control and a bus on the control
// loop. What a home releases goes out through the Relay of its loop; what other nodes release comes
// to the home of its channel. Built and destroyed while the loops do not run.
class ClusterLink final : public cluster::Relays {
 public:
  struct Outside {
    net::Runtime& runtime;
    model::AppStore& apps;
    BusSource& source;
    observability::Log& log;
    const channel::Options& limits;
  };
  // `ends` by loop.
  ClusterLink(const cluster::Options& options, Outside outside, const std::vector<LoopEnd>& ends);
  ~ClusterLink();

  channel::OtherNodes& other_nodes(std::size_t loop);
  channel::SharedQuota& shared_quota(std::size_t loop) { return limits_->of_loop(loop); }
  // Begins to connect. `on_problem` runs on the control loop when what is wrong with the cluster
  // changes: a text that lives for ever; null: nothing. True: clients are refused meanwhile.
  void start(base::Function<void(const char*, bool)> on_problem);
  // What heartbeats say of this node. Control loop.
  void describe(std::string_view status, const cluster::NodeFacts& facts,
                const cluster::NodeLoad& load) {
    control_->describe(status, facts, load);
  }
  // True when subscribers are served, with the broker or, after a while, without it. Control loop.
  bool has_joined() const { return control_->has_joined(); }
  // On the control loop: tells the others, then `done`.
  void leave(base::Task done) {
    limits_->leave([this, done = std::move(done)]() mutable { control_->leave(std::move(done)); });
  }

  // Of envelopes that wait for the broker; on that loop.
  std::size_t queued_bytes(std::size_t loop) const;
  // For operators; on the control loop.
  const cluster::Control& control() const { return *control_; }
  // Why the broker, or its store, cannot be reached; empty: it can.
  const std::string& broker_problem() const;
  // What is wrong with the cluster, as /ready says it; empty: nothing.
  std::string_view problem() const { return problem_ == nullptr ? "" : problem_; }
  struct LoopBus {
    cluster::RelayState state;
    cluster::RelayCounters counters;
  };
  // One entry per loop, on the control loop.
  void ask_buses(base::Function<void(std::vector<LoopBus>)> done);
  // What passed on the buses of all loops and of control since the last look.
  void look_at_envelopes(const TailFilter& filter, base::Function<void(BusTap::Seen)> done);

  // On that loop; on the control loop.
  void collect(std::size_t loop, std::vector<observability::GaugeSample>& out) const;
  void collect_control(std::vector<observability::GaugeSample>& out) const;

  void each(base::Function<void(cluster::Relay&)> work, base::Task done) override;
  void at(std::uint32_t partition, base::Function<void(cluster::Relay&)> work) override;
  void gather_tails(base::Function<void(cluster::Tails)> done) override;
  void hand_out(std::vector<cluster::ForeignChange> changes) override;
  void set_whole(bool is_whole) override;
  void take(cluster::BroadcastMessage message) override;
  void on_refused(const base::Error<cluster::EnvelopeErrc>& why) override;
  void obey(const cluster::Command& command, base::Duration age) override;
  void advance_clocks(std::uint64_t time) override;
  void on_store_renewed() override;

 private:
  class LoopLink;

  template <class Work, class Take>
  void ask_all(Work work, Take take, base::Task done);
  void share(const channel::ShareChange& change);
  void broadcast(const std::string& app_id, const channel::BroadcastEvent& event);
  void terminate(const std::string& app_id, const std::string& user_id);
  void watch();
  void judge(bool are_relays_well);
  void tell_news();

  net::Runtime& runtime_;
  const cluster::Options options_;
  observability::Logger logger_;
  std::vector<std::unique_ptr<LoopLink>> loops_;
  std::unique_ptr<cluster::Control> control_;
  std::unique_ptr<cluster::NodeNews> news_;
  std::unique_ptr<BusTap> bus_;
  std::unique_ptr<cluster::Registry> registry_;
  std::unique_ptr<cluster::Store> store_;
  std::unique_ptr<SharedLimits> limits_;
  base::Function<void(const char*, bool)> on_problem_;
  const char* problem_ = nullptr;
};

}  // namespace mr::app
