#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "cluster/bus.h"
#include "cluster/counter.h"
#include "cluster/registry.h"
#include "cluster/store.h"
#include "cluster/store_counter.h"
#include "net/loop.h"

namespace mr::app {

// Where a node's buses, its registration and its stores come from: the driver that the
// configuration names, or a broker in memory. It outlives the node.
class BusSource {
 public:
  virtual ~BusSource() = default;
  virtual std::unique_ptr<cluster::Bus> make_bus(net::Loop& loop, cluster::BusEvents& events) = 0;
  // On the control loop, where `bus` is.
  virtual std::unique_ptr<cluster::Registry> make_registry(net::Loop& loop, cluster::Bus& bus) = 0;
  // What nodes share in the broker; one for each loop that needs it.
  virtual std::unique_ptr<cluster::Store> make_store(net::Loop& loop) = 0;
  // The common counters of delta chains, for node `node`; one for each loop. Of the store, where
  // the broker has no better way.
  virtual std::unique_ptr<cluster::Counter> make_counter(net::Loop& loop, const std::string& node,
                                                         cluster::CounterEvents& events) {
    return std::make_unique<cluster::StoreCounter>(
        loop, cluster::StoreCounter::Source{make_store(loop), node, backend()}, events);
  }
  // As log lines about the counters name it.
  virtual std::string_view backend() const { return "Redis"; }
};

}  // namespace mr::app
