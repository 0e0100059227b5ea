#include "app/bus_sources.h"

#include "app/nats_source.h"
#include "app/redis_source.h"
#include "app/store_times.h"

namespace mr::app {
namespace {

void warn_of_strangers(const tls::ClientOptions& options, bool is_on, const char* key,
                       observability::Log& log) {
  if (!is_on || options.verifies) return;
  observability::Logger(log, "cluster")
      .warn("the broker's certificates are not checked: anybody between can pretend to be it",
            {{"key", key}});
}

}  // namespace

std::unique_ptr<BusSource> make_bus_source(const config::Settings& settings, net::Runtime& runtime,
                                           observability::Log& log) {
  const config::BrokerOptions& broker = settings.broker;
  const cluster::StoreTimes times = store_times(settings);
  switch (broker.driver) {
    case config::BrokerDriver::kRedis:
    case config::BrokerDriver::kRedisCluster:
      warn_of_strangers(broker.redis.tls, broker.redis.tls.is_on || broker.redis.sentinel.has_tls,
                        "database.redis.tls.verify", log);
      return std::make_unique<RedisSource>(runtime, broker.redis, times, log);
    case config::BrokerDriver::kNats:
      warn_of_strangers(broker.nats.tls, broker.nats.tls.is_on, "adapter.nats.tls.verify", log);
      return std::make_unique<NatsSource>(runtime, broker.nats, times, log);
    case config::BrokerDriver::kLocal:
      break;
  }
  return nullptr;
}

}  // namespace mr::app
