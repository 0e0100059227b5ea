#pragma once

#include <memory>
#include <string>
#include <utility>

#include "app/bus_source.h"
#include "cluster/redis/cluster_bus.h"
#include "cluster/redis/redis_bus.h"
#include "cluster/redis/redis_counter.h"
#include "cluster/redis/redis_registry.h"
#include "cluster/redis/redis_store.h"
#include "cluster/redis/store_server.h"
#include "cluster/redis/store_shards.h"
#include "net/resolve.h"
#include "net/runtime.h"
#include "observability/log.h"

namespace mr::app {

// Redis as the broker: one server, the primary that sentinels name, or a Redis Cluster.
class RedisSource final : public BusSource {
 public:
  RedisSource(net::Runtime& runtime, cluster::redis::RedisOptions options,
              const cluster::StoreTimes& times, observability::Log& log)
      : control_(runtime.control()),
        resolver_(runtime.worker()),
        options_(std::move(options)),
        times_(times),
        logger_(log, "cluster") {}

  std::unique_ptr<cluster::Bus> make_bus(net::Loop& loop, cluster::BusEvents& events) override {
    if (is_cluster()) {
      return std::make_unique<cluster::redis::ClusterBus>(loop, resolver_, options_, events);
    }
    return std::make_unique<cluster::redis::RedisBus>(loop, resolver_, options_, events);
  }
  std::unique_ptr<cluster::Registry> make_registry(net::Loop& loop, cluster::Bus&) override {
    return std::make_unique<cluster::redis::RedisRegistry>(options_, make_route(loop));
  }
  std::unique_ptr<cluster::Store> make_store(net::Loop& loop) override {
    return std::make_unique<cluster::redis::RedisStore>(loop, options_, times_, make_route(loop));
  }
  std::unique_ptr<cluster::Counter> make_counter(net::Loop& loop, const std::string& node,
                                                 cluster::CounterEvents& events) override {
    return std::make_unique<cluster::redis::RedisCounter>(
        loop,
        cluster::redis::RedisCounter::Source{make_route(loop), options_, node, times_.delta_counts},
        events);
  }

 private:
  bool is_cluster() const { return !options_.cluster_nodes.empty(); }
  std::unique_ptr<cluster::redis::StoreRoute> make_route(net::Loop& loop) {
    const auto on_warning = [this](const std::string& why) {
      control_.post([this, why] { warn(why); });
    };
    if (is_cluster()) {
      return std::make_unique<cluster::redis::StoreShards>(loop, resolver_, options_, on_warning);
    }
    return std::make_unique<cluster::redis::StoreServer>(loop, resolver_, options_, on_warning);
  }
  // All loops find it, and again after each loss.
  void warn(const std::string& why) {
    if (std::exchange(warned_, why) == why) return;
    logger_.warn("the broker may drop what the cluster keeps there", {{"reason", why}});
  }

  net::Loop& control_;
  net::Resolver resolver_;
  const cluster::redis::RedisOptions options_;
  const cluster::StoreTimes times_;
  observability::Logger logger_;
  std::string warned_;  // the last, on the control loop
};

}  // namespace mr::app
