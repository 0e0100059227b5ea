#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/bus_source.h"
#include "app/cluster_admin.h"
#include "app/cluster_link.h"
#include "app/config_app_store.h"
#include "app/development.h"
#include "app/load_meter.h"
#include "app/loop_parts.h"
#include "app/metrics_listener.h"
#include "config/settings.h"
#include "net/runtime.h"
#include "observability/health.h"
#include "observability/log.h"
#include "observability/registry.h"

namespace mr::app {

// One node: its loops' parts, the metrics listener on the control loop, the simulated market of a
// development node. main() and the tests build the same object; only the runtime (sockets, clock,
// chance) and, in tests that ask for it, the order source differ.
//
// Built and destroyed while the loops do not run; begin_drain() is called on the control loop.
class Node final : public observability::GaugeSource {
 public:
  // What a node may get from outside; null: its own, or none.
  struct Given {
    channel::OrderSource* order = nullptr;
    BusSource* buses = nullptr;  // it has other nodes
  };
  Node(config::Settings settings, net::Runtime& runtime, observability::Log& log)
      : Node(std::move(settings), runtime, log, Given{}) {}
  Node(config::Settings settings, net::Runtime& runtime, observability::Log& log, Given given);
  ~Node() override;

  // Listens on all loops and the metrics port. The error names what is taken and by whom.
  base::Result<base::Done, net::NetErrc> start();
  std::uint16_t port() const { return port_; }
  std::uint16_t metrics_port() const { return metrics_port_; }

  // Not ready at once, clients closed with 4200 over the grace period, requests served until its
  // end, the listener closed last; then `done` runs on the control loop.
  void begin_drain(base::Task done);
  // `delta_compression`, `tag_filtering` and `channel_delta_compression` of another configuration,
  // for all that is here already too. On the control loop.
  void change_deltas(model::DeltaSettings settings);
  bool is_development() const { return settings_.development; }
  observability::NodeHealth health() const { return pulse_.health(); }
  bool is_draining() const { return pulse_.state() == observability::NodeState::kDraining; }

  // A loop's way to the channels, for tests and the development market.
  channel::Exchange& exchange(std::size_t loop) { return loops_[loop]->exchange(); }
  void collect(Gathered done) override;

 private:
  void beat(std::size_t loop);
  void tell_refusals();
  void begin_serving();
  void start_cluster();
  void describe();
  void leave_cluster();
  std::optional<CoordinatedOrder::Outside> coordination_of(const Given& given);
  void wait_for_sessions();
  void wait_for_requests();
  // Sums what `count` says on each loop and gives it on the control loop.
  void sum_of_loops(base::Function<std::size_t(const LoopParts&)> count,
                    base::Function<void(std::size_t)> done);

  const config::Settings settings_;
  net::Runtime& runtime_;
  observability::Log& log_;
  observability::Logger logger_;
  observability::Pulse pulse_;
  observability::Registry registry_;
  ConfigAppStore apps_;
  channel::LocalOrder local_order_;
  DeltaPlanRef delta_plan_;
  CoordinationWatch coordination_watch_;
  std::optional<CoordinatedOrder::Outside> coordination_;
  Shared shared_;
  std::vector<std::unique_ptr<LoopParts>> loops_;
  std::unique_ptr<ClusterLink> cluster_;  // null: a node alone
  std::unique_ptr<ClusterAdmin> cluster_admin_;
  std::unique_ptr<LoadMeter> meter_;  // with it
  cluster::NodeLoad load_;
  std::unique_ptr<MetricsListener> metrics_;
  std::unique_ptr<DevelopmentMarket> market_;
  std::uint16_t port_ = 0;
  std::uint16_t metrics_port_ = 0;
  base::TimePoint drain_end_{};
  base::Task drained_;
  std::uint64_t refusals_told_ = 0;  // connections refused for want of descriptors
};

}  // namespace mr::app
