#pragma once

#include <memory>

#include "app/bus_source.h"
#include "cluster/redis/redis_bus.h"
#include "cluster/redis/redis_registry.h"
#include "net/resolve.h"
#include "net/runtime.h"

namespace mr::app {

// One Redis as the broker.
class RedisSource final : public BusSource {
 public:
  RedisSource(net::Runtime& runtime, cluster::redis::RedisOptions options)
      : resolver_(runtime.worker()), options_(std::move(options)) {}

  std::unique_ptr<cluster::Bus> make_bus(net::Loop& loop, cluster::BusEvents& events) override {
    return std::make_unique<cluster::redis::RedisBus>(loop, resolver_, options_, events);
  }
  std::unique_ptr<cluster::Registry> make_registry(net::Loop& loop, cluster::Bus&) override {
    return std::make_unique<cluster::redis::RedisRegistry>(loop, resolver_, options_);
  }

 private:
  net::Resolver resolver_;
  const cluster::redis::RedisOptions options_;
};

}  // namespace mr::app
