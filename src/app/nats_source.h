#pragma once

#include <memory>
#include <string>

#include "app/bus_source.h"
#include "cluster/nats/kv_link.h"
#include "cluster/nats/nats_bus.h"
#include "cluster/nats/nats_link.h"
#include "cluster/nats/nats_registry.h"
#include "cluster/nats/nats_store.h"
#include "net/runtime.h"
#include "observability/log.h"

namespace mr::app {

// NATS as the broker: one connection for the buses of all loops, and one for the stores.
class NatsSource final : public BusSource {
 public:
  NatsSource(net::Runtime& runtime, const cluster::nats::NatsOptions& options,
             const cluster::StoreTimes& times, observability::Log& log)
      : worker_(runtime.worker()),
        logger_(log, "cluster"),
        link_(runtime.control(), options),
        kv_(runtime.control(), options, times, [this](const std::string& why) {
          logger_.warn("nodes share nothing in the broker", {{"reason", why}});
        }) {}

  std::unique_ptr<cluster::Bus> make_bus(net::Loop& loop, cluster::BusEvents& events) override {
    return std::make_unique<cluster::nats::NatsBus>(loop, link_, events);
  }
  std::unique_ptr<cluster::Registry> make_registry(net::Loop& loop, cluster::Bus&) override {
    return std::make_unique<cluster::nats::NatsRegistry>(
        loop, worker_, link_.options(), [this](const std::string& why) {
          logger_.warn("nodes are found by their heartbeats alone", {{"reason", why}});
        });
  }
  std::unique_ptr<cluster::Store> make_store(net::Loop& loop) override {
    return std::make_unique<cluster::nats::NatsStore>(loop, kv_);
  }
  std::string_view backend() const override { return "NATS"; }

 private:
  net::Worker& worker_;
  observability::Logger logger_;
  cluster::nats::NatsLink link_;
  cluster::nats::KvLink kv_;
};

}  // namespace mr::app
