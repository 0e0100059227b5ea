#pragma once

#include <memory>

#include "cluster/bus.h"
#include "cluster/registry.h"
#include "net/loop.h"

namespace mr::app {

// Where a node's buses and its line in the store come from: the driver that the configuration
// names, or a broker in memory. It outlives the node.
class BusSource {
 public:
  virtual ~BusSource() = default;
  virtual std::unique_ptr<cluster::Bus> make_bus(net::Loop& loop, cluster::BusEvents& events) = 0;
  // On the control loop, where `bus` is.
  virtual std::unique_ptr<cluster::Registry> make_registry(net::Loop& loop, cluster::Bus& bus) = 0;
};

}  // namespace mr::app
