#include "config/cluster_rules.h"

#include <algorithm>
#include <cmath>

#include "config/redis_url.h"

namespace mr::config {
namespace {

constexpr std::size_t kNameBytesMax = 128;
constexpr int kHeartbeatsInTimeout = 3;

bool is_visible(char c) { return c > ' ' && c < 0x7f; }

bool is_node_name(const std::string& name) {
  return name.size() <= kNameBytesMax && std::all_of(name.begin(), name.end(), is_visible);
}

// The text of a key; empty when nothing sets it.
std::string text_of(const Layers& layers, std::string_view path) {
  const auto at = layers.values.find(find_key(path));
  return at == layers.values.end() ? "" : std::get<std::string>(at->second.value);
}

// `redis.url` and another key, which is set, disagree.
void refuse_both(Layers& layers, std::string_view what, std::string_view path) {
  const Key* key = find_key(path);
  const Assignment& other = layers.values.at(key);
  layers.add_error(layers.place("redis.url") + ": \"redis.url\" " + std::string(what) + " " +
                   quote(path) + (key->secret ? "" : ", which is " + to_json(other.value)) + " (" +
                   other.place + "); remove one of the two");
}

void select_redis(Layers& layers) {
  const auto [at, is_new] = layers.values.try_emplace(
      find_key("adapter.driver"), Assignment{Value("redis"), layers.place("redis.url")});
  if (!is_new && std::get<std::string>(at->second.value) == "local") {
    refuse_both(layers, "selects redis, against", "adapter.driver");
  }
}

void spread_url(Layers& layers) {
  const std::string url = text_of(layers, "redis.url");
  if (url.empty()) return;
  select_redis(layers);
  const std::string place = layers.place("redis.url");
  const auto parts = read_redis_url(url);
  if (!parts.ok()) {
    layers.add_error(place + ": \"redis.url\": " + parts.error().detail);
    return;
  }
  for (const UrlPart& part : parts.value()) {
    const auto [at, is_new] =
        layers.values.try_emplace(find_key(part.path), Assignment{part.value, place});
    if (!is_new && to_json(at->second.value) != to_json(part.value)) {
      refuse_both(layers, "says something else than", part.path);
    }
  }
}

void spread_name(Layers& layers) {
  for (const char* path : {"node.id", "node.name"}) {
    const std::string name = text_of(layers, path);
    if (is_node_name(name)) continue;
    layers.add_error(layers.place(path) + ": " + quote(path) + ": " + quote(name.substr(0, 60)) +
                     " must be at most " + std::to_string(kNameBytesMax) +
                     " visible ASCII characters without spaces");
  }
  if (!text_of(layers, "node.id").empty() || text_of(layers, "node.name").empty()) return;
  layers.values[find_key("node.id")] = layers.values.at(find_key("node.name"));
}

std::string made_name(std::string hostname, std::uint16_t port) {
  hostname.resize(std::min(hostname.size(), kNameBytesMax / 2));
  if (hostname.empty()) hostname = "node";
  std::replace_if(hostname.begin(), hostname.end(), [](char c) { return !is_visible(c); }, '-');
  return hostname + "-" + std::to_string(port);
}

void check_prefix(Layers& layers, const std::string& prefix) {
  const auto problem = cluster::redis::prefix_problem(prefix);
  if (!problem) return;
  layers.add_error(layers.place("redis.key_prefix") + ": \"redis.key_prefix\": " + *problem);
}

std::string milliseconds(base::Duration time) {
  const std::chrono::duration<double, std::milli> count = time;
  return to_json(Value(count.count()));
}

void check_timeout(Layers& layers, const cluster::Options& options) {
  const base::Duration least = kHeartbeatsInTimeout * options.heartbeat;
  if (options.node_timeout >= least) return;
  const bool is_timeout_set = layers.is_set("cluster.node_timeout_ms");
  layers.add_error(
      layers.place(is_timeout_set ? "cluster.node_timeout_ms" : "cluster.heartbeat_interval_ms") +
      ": \"cluster.node_timeout_ms\" " + milliseconds(options.node_timeout) +
      " must be at least three times \"cluster.heartbeat_interval_ms\" " +
      milliseconds(options.heartbeat) + "; set it to " + milliseconds(least) + " or more");
}

void check_broker(Layers& layers, const BrokerOptions& broker) {
  if (!broker.redis.username.empty() && broker.redis.password.empty()) {
    layers.add_error(layers.place("database.redis.username") +
                     ": \"database.redis.username\" is without effect while "
                     "\"database.redis.password\" is empty; set both or none");
  }
  if (layers.is_set("adapter.driver")) return;
  for (const char* path : {"database.redis.host", "database.redis.port", "database.redis.db",
                           "database.redis.username", "database.redis.password"}) {
    if (!layers.is_set(path)) continue;
    layers.warnings.push_back(layers.place(path) + ": " + quote(path) +
                              " has no effect on its own; set \"adapter.driver\" to redis, or "
                              "\"redis.url\"");
    return;
  }
}

}  // namespace

void spread_cluster(Layers& layers) {
  spread_url(layers);
  spread_name(layers);
}

void complete_cluster(Layers& layers, Settings& settings, const std::string& hostname) {
  cluster::Options& options = settings.cluster;
  cluster::redis::RedisOptions& redis = settings.broker.redis;
  if (options.name.empty()) options.name = made_name(hostname, settings.port);
  options.prefix = redis.prefix;
  settings.channel.partitions = options.partitions;
  redis.queue_bytes_max = options.queue_bytes_max;
  redis.client_name = "millrace-" + options.name;
  check_prefix(layers, redis.prefix);
  check_timeout(layers, options);
  check_broker(layers, settings.broker);
}

}  // namespace mr::config
