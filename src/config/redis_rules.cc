#include <utility>

#include "config/broker_rules.h"
#include "config/schema.h"
#include "config/server_address.h"
#include "config/tls_rules.h"

namespace mr::config {
namespace {

constexpr std::uint16_t kSentinelPort = 26379;

// How servers of one kind are listed.
struct ServerList {
  const char* path;  // the key
  const std::vector<std::string>& given;
  std::uint16_t port;
  const char* tls_key;  // says whether they are spoken to with TLS
};

// Servers without logins, and whether they have TLS. False: not all are any, which was told.
bool read_servers(Layers& layers, const ServerList& list, std::vector<net::Address>& into,
                  bool& has_tls) {
  const char* const path = list.path;
  std::size_t asking = 0, refusing = 0;
  for (const std::string& text : list.given) {
    auto read = read_server_address(text);
    const std::string scheme = read.ok() ? read.value().scheme : "";
    asking += scheme == "rediss" ? 1 : 0;
    refusing += scheme == "redis" ? 1 : 0;
    const bool is_place = read.ok() && read.value().path.empty() && !read.value().login &&
                          (scheme.empty() || scheme == "redis" || scheme == "rediss");
    if (!is_place) {
      layers.add_error(layers.place(path) + ": " + quote(path) +
                       ": each of them is host:port or host, an IPv6 address in brackets, and its "
                       "login has keys of its own" +
                       (read.ok() ? "" : "; one's " + read.error().detail.substr(4)));
      return false;
    }
    into.push_back({read.value().host, read.value().port.value_or(list.port)});
  }
  if (asking > 0 && refusing > 0) {
    layers.add_error(layers.place(path) + ": " + quote(path) +
                     ": some of them begin with rediss:// and others with redis://; write "
                     "rediss:// for all or for none");
    return false;
  }
  if (asking + refusing > 0) {
    has_tls = settle_scheme(layers, path, asking > 0, list.tls_key, has_tls);
  }
  return true;
}

void read_sentinels(Layers& layers, BrokerOptions& broker) {
  const char* const path = "database.redis.sentinels";
  const char* const tls = "database.redis.sentinel_tls.enabled";
  cluster::redis::SentinelOptions& sentinel = broker.redis.sentinel;
  if (!layers.is_set(tls)) sentinel.has_tls = broker.redis.tls.is_on;
  if (!read_servers(layers, {path, broker.redis_sentinels, kSentinelPort, tls}, sentinel.servers,
                    sentinel.has_tls) ||
      broker.redis_sentinels.empty()) {
    return;
  }
  for (const char* other : {"redis.url", "database.redis.host", "database.redis.port"}) {
    if (!layers.is_set(other)) continue;
    return refuse_both(layers, path, "say where Redis is, and so does", other);
  }
}

// A Redis Cluster has one database, no sentinels, and tags in braces.
void check_cluster(Layers& layers, BrokerOptions& broker) {
  const char* const path = "adapter.cluster.nodes";
  if (broker.driver != BrokerDriver::kRedisCluster) {
    if (broker.redis_nodes.empty()) return;
    layers.warnings.push_back(layers.place(path) + ": " + quote(path) +
                              " has no effect on its own; set \"adapter.driver\" to redis-cluster");
    return;
  }
  cluster::redis::RedisOptions& redis = broker.redis;
  redis.address_source = cluster::redis::AddressSource::kNodes;
  if (!read_servers(layers, {path, broker.redis_nodes, redis.port, "database.redis.tls.enabled"},
                    redis.cluster_nodes, redis.tls.is_on)) {
    return;
  }
  if (redis.cluster_nodes.empty()) {
    redis.address_source = cluster::redis::AddressSource::kSettings;
    redis.cluster_nodes.push_back({redis.host, redis.port});
  }
  if (redis.db != 0) {
    layers.add_error(layers.place("database.redis.db") +
                     ": \"database.redis.db\" must be 0 with \"adapter.driver\" redis-cluster; "
                     "take another \"redis.key_prefix\" for each cluster of nodes");
  }
  if (!broker.redis_sentinels.empty()) {
    refuse_both(layers, "database.redis.sentinels", "are none of a Redis Cluster, against",
                "adapter.driver");
  }
  if (redis.prefix.find_first_of("{}") != redis.prefix.npos) {
    layers.add_error(layers.place("redis.key_prefix") +
                     ": \"redis.key_prefix\" must be without braces with \"adapter.driver\" "
                     "redis-cluster: they say where keys lie there");
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
  for (const char* path :
       {"database.redis.name", "database.redis.sentinel_username",
        "database.redis.sentinel_password", "database.redis.sentinel_tls.enabled"}) {
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
  check_cluster(layers, broker);
  const bool has_sentinel_tls = !redis.sentinel.servers.empty() && redis.sentinel.has_tls;
  check_tls(layers, "database.redis.tls", redis.tls, redis.tls.is_on || has_sentinel_tls);
  warn_of_unused(layers,
                 {"database.redis.sentinels", "database.redis.host", "database.redis.port",
                  "database.redis.db", "database.redis.username", "database.redis.password",
                  "database.redis.tls.enabled"},
                 "set \"adapter.driver\" to redis, or \"redis.url\"");
}

}  // namespace mr::config
