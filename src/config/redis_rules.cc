#include <utility>

#include "config/broker_rules.h"
#include "config/schema.h"
#include "config/server_address.h"

namespace mr::config {
namespace {

constexpr std::uint16_t kSentinelPort = 26379;

void read_sentinels(Layers& layers, BrokerOptions& broker) {
  const char* const path = "database.redis.sentinels";
  for (const std::string& text : broker.redis_sentinels) {
    auto read = read_server_address(text);
    const bool is_place = read.ok() && read.value().scheme.empty() && !read.value().login &&
                          read.value().path.empty();
    if (!is_place) {
      layers.add_error(layers.place(path) + ": " + quote(path) +
                       ": each sentinel is host:port or host, an IPv6 address in brackets" +
                       (read.ok() ? "; its login stands in database.redis.sentinel_password"
                                  : ": " + read.error().detail));
      return;
    }
    broker.redis.sentinel.servers.push_back(
        {read.value().host, read.value().port.value_or(kSentinelPort)});
  }
  if (broker.redis_sentinels.empty()) return;
  for (const char* other : {"redis.url", "database.redis.host", "database.redis.port"}) {
    if (!layers.is_set(other)) continue;
    return refuse_both(layers, path, "say where Redis is, and so does", other);
  }
}

void check_sentinel(Layers& layers, BrokerOptions& broker) {
  read_sentinels(layers, broker);
  const cluster::redis::SentinelOptions& sentinel = broker.redis.sentinel;
  if (!sentinel.username.empty() && sentinel.password.empty()) {
    refuse_bare_user(layers, "database.redis.sentinel_username", "database.redis.sentinel_password",
                     "database.redis.sentinel_username");
  }
  if (!broker.redis_sentinels.empty()) return;
  for (const char* path : {"database.redis.name", "database.redis.sentinel_username",
                           "database.redis.sentinel_password"}) {
    if (!layers.is_set(path)) continue;
    layers.warnings.push_back(layers.place(path) + ": " + quote(path) +
                              " has no effect without \"database.redis.sentinels\"");
  }
}

}  // namespace

void check_redis(Layers& layers, BrokerOptions& broker) {
  const cluster::redis::RedisOptions& redis = broker.redis;
  if (!redis.username.empty() && redis.password.empty()) {
    refuse_bare_user(layers, "database.redis.username", "database.redis.password",
                     "database.redis.username");
  }
  check_prefix(layers, "redis.key_prefix", cluster::redis::prefix_problem(redis.prefix));
  check_sentinel(layers, broker);
  warn_of_unused(layers,
                 {"database.redis.sentinels", "database.redis.host", "database.redis.port",
                  "database.redis.db", "database.redis.username", "database.redis.password"},
                 "set \"adapter.driver\" to redis, or \"redis.url\"");
}

}  // namespace mr::config
