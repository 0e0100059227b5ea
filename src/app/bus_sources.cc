#include "app/bus_sources.h"

#include "app/nats_source.h"
#include "app/redis_source.h"
#include "app/store_times.h"

namespace mr::app {

std::unique_ptr<BusSource> make_bus_source(const config::Settings& settings, net::Runtime& runtime,
                                           observability::Log& log) {
  const config::BrokerOptions& broker = settings.broker;
  const cluster::StoreTimes times = store_times(settings);
  switch (broker.driver) {
    case config::BrokerDriver::kRedis:
    case config::BrokerDriver::kRedisCluster:
      return std::make_unique<RedisSource>(runtime, broker.redis, times, log);
    case config::BrokerDriver::kNats:
      return std::make_unique<NatsSource>(runtime, broker.nats, times, log);
    case config::BrokerDriver::kLocal:
      break;
  }
  return nullptr;
}

}  // namespace mr::app
