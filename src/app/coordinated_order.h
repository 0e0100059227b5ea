#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "app/bus_source.h"
#include "app/coordination_watch.h"
#include "channel/order_source.h"
#include "cluster/coordinator.h"
#include "model/delta_settings.h"
#include "net/runtime.h"
#include "observability/counter.h"
#include "observability/gauge.h"
#include "observability/log.h"
#include "observability/registry.h"

namespace mr::app {

// One loop's order: messages that all nodes count together wait for the common counter, all others
// are released at once. Loop only.
class CoordinatedOrder final : public channel::OrderSource, private cluster::CoordinatorEvents {
 public:
  struct Outside {
    net::Runtime& runtime;
    BusSource& source;
    observability::Log& log;
    observability::Registry& registry;
    CoordinationWatch& watch;  // on the control loop
    std::string node;          // this one's name
  };
  CoordinatedOrder(const Outside& outside, std::size_t loop);

  // Before the loop runs, and after a change of the settings.
  void configure(const model::DeltaOptions& options);
  void order(const channel::OrderRequest& request,
             base::Function<void(channel::Order)> answer) override;
  void collect(std::vector<observability::GaugeSample>& out) const;
  cluster::Coordinator& coordinator() { return coordinator_; }

 private:
  void on_decided(const cluster::CountRequest& request, const cluster::Counted& counted) override;
  void on_other_interval(const cluster::CountRequest& request,
                         const cluster::Count& other) override;
  void look();
  void tell(bool is_up);

  net::Runtime& runtime_;
  const std::size_t index_;
  net::Loop& loop_;
  const observability::Logger log_;
  CoordinationWatch& watch_;
  observability::Histogram& latency_;
  cluster::Coordinator coordinator_;
  const bool is_suffixed_;  // log lines name every backend but Redis
  base::TimePoint started_{};
  bool is_looking_ = false;
  bool is_told_ = false;
  bool was_up_ = false;
};

}  // namespace mr::app
