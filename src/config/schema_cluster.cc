#include <algorithm>
#include <array>
#include <string_view>

#include "config/field.h"

namespace mr::config {
namespace {

using S = Settings;

// In the order of BrokerDriver.
constexpr std::array<std::string_view, 4> kDrivers = {"local", "redis", "redis-cluster", "nats"};

std::vector<Key> node_name_rows() {
  return {
      setting({.path = "node.id",
               .text = "Name of this node, unique in the cluster: at most 128 visible ASCII "
                       "characters.",
               .aliases = "instance.process_id node_id",
               .env = "NODE_ID INSTANCE_PROCESS_ID",
               .flag = "--node-id",
               .default_text = "`node.name`, else host name and port"},
              [](S& s) -> auto& { return s.cluster.name; }),
      setting({.path = "node.name",
               .text = "The same for those who call it a name; `node.id` wins.",
               .aliases = "node_name",
               .env = "NODE_NAME",
               .flag = "--node-name"},
              [](S& s) -> auto& { return s.node_name; }),
      setting({.path = "node.region",
               .text = "Region of this node, which other nodes and operators see: at most 128 "
                       "visible ASCII characters.",
               .aliases = "node_region clustering.node_region",
               .env = "NODE_REGION",
               .flag = "--node-region"},
              [](S& s) -> auto& { return s.cluster.facts.region; }),
  };
}

std::vector<Key> node_address_rows() {
  Key address = setting({.path = "node.address",
                         .text = "Name or address that clients and proxies reach this node at, "
                                 "as other nodes and operators see it.",
                         .aliases = "node_address",
                         .env = "NODE_ADDRESS POD_IP",
                         .flag = "--node-address",
                         .default_text = "`host`; where that is any address, one of the machine"},
                        [](S& s) -> auto& { return s.cluster.facts.address; });
  address.type = Type::kHost;
  return {
      std::move(address),
      setting({.path = "node.port",
               .text = "Port that goes with `node.address`, where it is not the one that the node "
                       "listens on.",
               .default_text = "`port`",
               .min = 0,
               .max = 65535},
              [](S& s) -> auto& { return s.cluster.facts.port; }),
  };
}

Key driver_row() {
  Key key = key_of(
      {.path = "adapter.driver",
       .text = "How nodes are connected: `local` is a node on its own, `redis` a "
               "cluster over one Redis, `redis-cluster` one over a Redis Cluster, `nats` one "
               "over NATS.",
       .env = "ADAPTER_DRIVER",
       .default_text =
           "`redis-cluster` with `redis.cluster_mode`, `redis` with a `redis.url`, else "
           "`local`"},
      Type::kChoice);
  key.choices = "local redis redis-cluster nats";
  key.set = [](Settings& to, const Value& value) {
    const auto at = std::ranges::find(kDrivers, std::get<std::string>(value));
    to.broker.driver = static_cast<BrokerDriver>(at - kDrivers.begin());
  };
  key.get = [](const Settings& from) {
    return Value(std::string(kDrivers[static_cast<std::size_t>(from.broker.driver)]));
  };
  return key;
}

std::vector<Key> driver_rows() { return {driver_row()}; }

std::vector<Key> nats_rows() {
  return {
      setting({.path = "adapter.nats.servers",
               .text = "Servers of one NATS cluster, each `nats://[user:password@]host[:port]`, "
                       "`tls://` with TLS, or `host:port`; empty: `127.0.0.1:4222`.",
               .aliases = "nats.servers",
               .env = "NATS_SERVERS",
               .secret = true},
              [](S& s) -> auto& { return s.broker.nats_servers; }),
      setting({.path = "adapter.nats.prefix",
               .text = "What the names of subjects and buckets in NATS begin with; clusters with "
                       "other prefixes never meet.",
               .aliases = "nats.prefix",
               .env = "NATS_PREFIX"},
              [](S& s) -> auto& { return s.broker.nats.prefix; }),
      setting({.path = "adapter.nats.username",
               .text = "User of NATS, with a password; empty: none.",
               .aliases = "nats.username",
               .env = "NATS_USERNAME"},
              [](S& s) -> auto& { return s.broker.nats.username; }),
      setting({.path = "adapter.nats.password",
               .text = "Password of that user.",
               .aliases = "nats.password",
               .env = "NATS_PASSWORD",
               .secret = true},
              [](S& s) -> auto& { return s.broker.nats.password; }),
      setting({.path = "adapter.nats.token",
               .text = "Token instead of user and password; empty: none.",
               .aliases = "nats.token",
               .env = "NATS_TOKEN",
               .secret = true},
              [](S& s) -> auto& { return s.broker.nats.token; }),
  };
}

std::vector<Key> bus_rows() {
  return {
      setting({.path = "cluster.secret",
               .text = "Signs what nodes send each other, and refuses what is not signed with it; "
                       "the same on all nodes; empty: no signatures.",
               .secret = true},
              [](S& s) -> auto& { return s.cluster.secret; }),
      setting({.path = "cluster.partitions",
               .text = "Bus partitions that channels are placed on; the same on all nodes.",
               .aliases = "channel_limits.partitions",
               .min = 1,
               .max = 65536},
              [](S& s) -> auto& { return s.cluster.partitions; }),
      setting<Unit::kMilliseconds>({.path = "cluster.heartbeat_interval_ms",
                                    .text = "Between two signs of life of this node.",
                                    .aliases = "adapter.cluster_health.heartbeat_interval_ms",
                                    .min = 100,
                                    .max = 60'000},
                                   [](S& s) -> auto& { return s.cluster.heartbeat; }),
      setting<Unit::kMilliseconds>(
          {.path = "cluster.node_timeout_ms",
           .text = "Silence after which a node is away; at least three heartbeats.",
           .aliases = "adapter.cluster_health.node_timeout_ms",
           .min = 300,
           .max = 3'600'000},
          [](S& s) -> auto& { return s.cluster.node_timeout; }),
      setting<Unit::kMegabytes>(
          {.path = "cluster.bus_queue_mb",
           .text = "What waits for the broker, per event loop; beyond it the oldest messages are "
                   "lost to other nodes, and counted.",
           .min = 1,
           .max = 1024},
          [](S& s) -> auto& { return s.cluster.queue_bytes_max; }),
  };
}

std::vector<Key> batch_rows() {
  return {
      setting({.path = "cluster.enable_batching",
               .text = "Messages of one bus partition that come close after each other leave as "
                       "one message for the broker.",
               .aliases = "enable_batching"},
              [](S& s) -> auto& { return s.cluster.batches.is_on; }),
      setting<Unit::kMilliseconds>(
          {.path = "cluster.batch_interval_ms",
           .text = "How long a message may wait for others; 0: until the end of the loop's "
                   "iteration, which is no waiting. Critical ones never wait.",
           .aliases = "cluster.batch_interval batch_interval",
           .min = 0,
           .max = 500},
          [](S& s) -> auto& { return s.cluster.batches.interval; }),
      setting({.path = "cluster.max_batch_size",
               .text = "Messages of one batch.",
               .aliases = "max_batch_size",
               .min = 1,
               .max = 10'000},
              [](S& s) -> auto& { return s.cluster.batches.envelopes_max; }),
      setting({.path = "cluster.enable_compression",
               .text = "Batches and messages of 256 bytes and more leave compressed where that is "
                       "shorter.",
               .aliases = "enable_compression"},
              [](S& s) -> auto& { return s.cluster.batches.compresses; }),
  };
}

Key broker_loss_row() {
  Key key = key_of({.path = "cluster.on_broker_loss",
                    .text = "While the broker is away: `local` serves this node's clients, "
                            "`refuse` answers 503 to publishes and refuses subscriptions.",
                    .aliases = "on_broker_loss"},
                   Type::kChoice);
  key.choices = "local refuse";
  key.set = [](Settings& to, const Value& value) {
    to.cluster.refuses_cut_off = std::get<std::string>(value) == "refuse";
  };
  key.get = [](const Settings& from) {
    return Value(std::string(from.cluster.refuses_cut_off ? "refuse" : "local"));
  };
  return key;
}

std::vector<Key> reach_rows() {
  return {
      broker_loss_row(),
      setting({.path = "ordering.broker",
               .text = "Channels (a name, `prefix*`, `*suffix`, `*`) whose messages all nodes "
                       "deliver in the broker's order; refused while it is away."},
              [](S& s) -> auto& { return s.channel.broker_ordered; }),
  };
}

std::vector<Key> limits_rows() {
  Key key = key_of({.path = "limits.on_broker_loss",
                    .text = "Limits of connections that nodes share, while the broker is away: "
                            "`local_share` admits from what the node held last, `refuse` nobody.",
                    .default_text = "`local_share`"},
                   Type::kChoice);
  key.choices = "local_share refuse";
  key.set = [](Settings& to, const Value& value) {
    to.cluster.refuses_without_store = std::get<std::string>(value) == "refuse";
  };
  key.get = [](const Settings& from) {
    return Value(std::string(from.cluster.refuses_without_store ? "refuse" : "local_share"));
  };
  return {std::move(key)};
}

}  // namespace

std::string driver_name(const Settings& settings) {
  return std::string(kDrivers[static_cast<std::size_t>(settings.broker.driver)]);
}

std::vector<Key> cluster_keys() {
  std::vector<Key> rows;
  for (auto* part : {node_name_rows, node_address_rows, driver_rows, redis_keys, nats_rows,
                     nats_tls_keys, bus_rows, batch_rows, reach_rows, limits_rows}) {
    for (Key& key : part()) rows.push_back(key);
  }
  return rows;
}

}  // namespace mr::config
