#include "config/cluster_rules.h"

#include <algorithm>
#include <cmath>

#include "config/broker_rules.h"
#include "config/delta_patterns.h"
#include "config/nats_servers.h"
#include "config/redis_url.h"
#include "config/tls_rules.h"

namespace mr::config {
namespace {

constexpr std::size_t kNameBytesMax = 128;
constexpr int kHeartbeatsInTimeout = 3;
constexpr std::size_t kEnvelopeKb = 16 * 1024;
constexpr std::size_t kNatsKb = 1024;  // a server's max_payload unless set

bool is_visible(char c) { return c > ' ' && c < 0x7f; }

bool is_node_name(const std::string& name) {
  return name.size() <= kNameBytesMax && std::all_of(name.begin(), name.end(), is_visible);
}

// The text of a key; empty when nothing sets it.
std::string text_of(const Layers& layers, std::string_view path) {
  const auto at = layers.values.find(find_key(path));
  return at == layers.values.end() ? "" : std::get<std::string>(at->second.value);
}

// What a key that is set selects, against a driver that does not fit.
void select_driver(Layers& layers, const char* by, const char* driver, bool is_redis_too) {
  const auto [at, is_new] = layers.values.try_emplace(find_key("adapter.driver"),
                                                      Assignment{Value(driver), layers.place(by)});
  const std::string& found = std::get<std::string>(at->second.value);
  if (is_new || found == driver || found == "redis-cluster") return;
  if (found == "redis" && is_redis_too) {
    at->second = {Value(driver), layers.place(by)};
    return;
  }
  refuse_both(layers, by, std::string("selects ") + driver + ", against", "adapter.driver");
}

void spread_mode(Layers& layers) {
  const auto mode = layers.values.find(find_key("redis.cluster_mode"));
  if (mode == layers.values.end()) return;
  if (std::get<bool>(mode->second.value)) {
    return select_driver(layers, "redis.cluster_mode", "redis-cluster", true);
  }
  if (text_of(layers, "adapter.driver") == "redis-cluster") {
    refuse_both(layers, "redis.cluster_mode", "is false, against", "adapter.driver");
  }
}

void spread_url(Layers& layers) {
  const std::string url = text_of(layers, "redis.url");
  if (url.empty()) return;
  select_driver(layers, "redis.url", "redis", false);
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
      refuse_both(layers, "redis.url", "says something else than", part.path);
    }
  }
}

void spread_name(Layers& layers) {
  for (const char* path : {"node.id", "node.name", "node.region"}) {
    const std::string name = text_of(layers, path);
    if (is_node_name(name)) continue;
    layers.add_error(layers.place(path) + ": " + quote(path) + ": " + quote(name.substr(0, 60)) +
                     " must be at most " + std::to_string(kNameBytesMax) +
                     " visible ASCII characters without spaces");
  }
  if (!text_of(layers, "node.id").empty() || text_of(layers, "node.name").empty()) return;
  layers.values[find_key("node.id")] = layers.values.at(find_key("node.name"));
}

std::string made_name(std::string hostname, std::uint32_t number) {
  hostname.resize(std::min(hostname.size(), kNameBytesMax / 2));
  if (hostname.empty()) hostname = "node";
  std::replace_if(hostname.begin(), hostname.end(), [](char c) { return !is_visible(c); }, '-');
  return hostname + "-" + std::to_string(number);
}

// What heartbeats say of this node. A port that is 0 is known when it listens.
void complete_facts(Settings& settings, const std::string& found) {
  cluster::NodeFacts& facts = settings.cluster.facts;
  const bool is_any = settings.host == "0.0.0.0" || settings.host == "::";
  if (facts.address.empty()) facts.address = is_any ? found : settings.host;
  if (facts.port == 0) facts.port = settings.port;
  facts.version = MR_VERSION;
  facts.capacity = settings.session.max_connections;
}

// The servers' login stands for the keys of one. False: it cannot, which was told.
bool read_servers(Layers& layers, BrokerOptions& broker) {
  const char* const path = "adapter.nats.servers";
  auto read = read_nats_servers(broker.nats_servers);
  if (!read.ok()) {
    layers.add_error(layers.place(path) + ": " + quote(path) + ": " + read.error().detail);
    return false;
  }
  NatsServers servers = std::move(read).value();
  cluster::nats::NatsOptions& nats = broker.nats;
  if (!servers.addresses.empty()) nats.servers = std::move(servers.addresses);
  if (servers.is_tls) {
    nats.tls.is_on = settle_scheme(layers, path, true, "adapter.nats.tls.enabled", nats.tls.is_on);
  }
  if (servers.username.empty() && servers.token.empty()) return true;
  const std::pair<const char*, const std::string&> parts[] = {
      {"adapter.nats.username", servers.username},
      {"adapter.nats.password", servers.password},
      {"adapter.nats.token", servers.token}};
  for (const auto& [key, value] : parts) {
    if (!layers.is_set(key) || text_of(layers, key) == value) continue;
    refuse_both(layers, path, "has another login than", key);
    return false;
  }
  nats.username = servers.username;
  nats.password = servers.password;
  nats.token = servers.token;
  return true;
}

void check_login(Layers& layers, const cluster::nats::NatsOptions& nats) {
  if (nats.username.empty()) {
    if (nats.password.empty()) return;
    layers.warnings.push_back(layers.place("adapter.nats.password") +
                              ": \"adapter.nats.password\" has no effect without "
                              "\"adapter.nats.username\"");
  } else if (nats.password.empty()) {
    const bool is_of_key = layers.is_set("adapter.nats.username");
    refuse_bare_user(layers, "adapter.nats.username", "adapter.nats.password",
                     is_of_key ? "adapter.nats.username" : "adapter.nats.servers");
  } else if (!nats.token.empty()) {
    const bool is_of_key = layers.is_set("adapter.nats.token");
    layers.add_error(layers.place(is_of_key ? "adapter.nats.token" : "adapter.nats.servers") +
                     ": \"adapter.nats.token\" is a login of its own beside "
                     "\"adapter.nats.username\"; remove one of the two");
  }
}

void check_nats(Layers& layers, BrokerOptions& broker) {
  const cluster::nats::NatsOptions& nats = broker.nats;
  if (read_servers(layers, broker)) check_login(layers, nats);
  check_tls(layers, "adapter.nats.tls", nats.tls, nats.tls.is_on);
  check_prefix(layers, "adapter.nats.prefix", cluster::nats::prefix_problem(nats.prefix));
  warn_of_unused(layers,
                 {"adapter.nats.servers", "adapter.nats.username", "adapter.nats.password",
                  "adapter.nats.token", "adapter.nats.tls.enabled"},
                 "set \"adapter.driver\" to nats");
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

void check_batches(Layers& layers, const cluster::BatchOptions& batches) {
  const char* const interval = "cluster.batch_interval_ms";
  if (batches.is_on || batches.interval == base::Duration{}) return;
  layers.add_error(layers.place(interval) + ": \"" + interval + "\" " +
                   milliseconds(batches.interval) +
                   " has no effect with \"cluster.enable_batching\" false (" +
                   layers.place("cluster.enable_batching") + "); drop one of them");
}

// The largest event of an app must fit into what carries it to other nodes.
void check_payloads(Layers& layers, const Settings& settings) {
  if (settings.broker.driver == BrokerDriver::kLocal) return;
  std::size_t kb = 0;
  for (const model::AppOptions& app : settings.apps) {
    kb = std::max<std::size_t>(kb, app.max_event_payload_in_kb);
  }
  const char* const limits = "event_limits.max_payload_in_kb";
  const std::string what = layers.place(layers.is_set(limits) ? limits : "apps") +
                           ": \"apps[].max_event_payload_in_kb\" " + std::to_string(kb);
  if (kb > kEnvelopeKb) {
    return layers.add_error(
        what + " is more than the " + std::to_string(kEnvelopeKb) +
        " KiB that nodes can send each other over \"adapter.driver\"; lower it, "
        "or set the driver to local");
  }
  const std::size_t queue_kb = settings.cluster.queue_bytes_max / 1024;
  if (kb > queue_kb) {
    return layers.add_error(what + " KiB does not fit into \"cluster.bus_queue_mb\" " +
                            std::to_string(queue_kb / 1024) + " MiB; raise that or lower this");
  }
  if (settings.broker.driver == BrokerDriver::kNats && kb >= kNatsKb) {
    layers.warnings.push_back(what + " is not below the " + std::to_string(kNatsKb) +
                              " KiB of an envelope that the servers of \"adapter.nats.servers\" "
                              "take unless their max_payload is raised; larger ones do not come to "
                              "other nodes");
  }
}

void check_ordering(Layers& layers, const Settings& settings) {
  const char* const path = "ordering.broker";
  for (const std::string& pattern : settings.channel.broker_ordered) {
    const auto problem = pattern_problem(pattern);
    if (problem) layers.add_error(layers.place(path) + ": " + quote(path) + ": " + *problem);
  }
  if (settings.channel.broker_ordered.empty() || settings.broker.driver != BrokerDriver::kNats) {
    return;
  }
  layers.warnings.push_back(
      layers.place(path) + ": " + quote(path) +
      ": NATS has no order between publishers; nodes may differ in messages that are published at "
      "several nodes at the same time");
}

}  // namespace

void spread_cluster(Layers& layers) {
  spread_mode(layers);
  spread_url(layers);
  spread_name(layers);
}

void complete_cluster(Layers& layers, Settings& settings, const Machine& machine) {
  cluster::Options& options = settings.cluster;
  complete_facts(settings, machine.address);
  cluster::redis::RedisOptions& redis = settings.broker.redis;
  if (options.name.empty())
    options.name =
        made_name(machine.hostname, settings.port != 0 ? settings.port : machine.process);
  cluster::nats::NatsOptions& nats = settings.broker.nats;
  options.prefix = settings.broker.driver == BrokerDriver::kNats ? nats.prefix : redis.prefix;
  settings.channel.partitions = options.partitions;
  settings.channel.node_name = options.name;
  redis.queue_bytes_max = options.queue_bytes_max;
  redis.partitions = options.partitions;
  redis.client_name = nats.client_name = "millrace-" + options.name;
  nats.queue_bytes_max = options.queue_bytes_max;
  check_timeout(layers, options);
  check_batches(layers, options.batches);
  check_redis(layers, settings.broker);
  check_nats(layers, settings.broker);
  check_ordering(layers, settings);
  check_payloads(layers, settings);
}

}  // namespace mr::config
