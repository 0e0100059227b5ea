#include "config/schema.h"

namespace mr::config {
namespace {

struct LaterRow {
  std::string_view path;
  std::string_view text;
  std::string_view aliases = "";
  std::string_view env = "";
  std::string_view flag = "";
};

// Keys of features that are not there yet. A row covers everything below its path, so the sections
// that people write by hand are listed key by key: a typing error in them is still found.
constexpr LaterRow kLater[] = {
    {"adapter.pulsar", "Options of the pulsar driver."},
    {"adapter.rabbitmq", "Options of the rabbitmq driver."},
    {"adapter.google_pubsub", "Options of the google_pubsub driver."},
    {"adapter.kafka", "Options of the kafka driver."},
    {"adapter.iggy", "Options of the iggy driver."},
    {"adapter.buffer_multiplier_per_cpu", "Size of broadcast buffers."},
    {"adapter.enable_socket_counting", "Counts over all nodes."},
    {"adapter.fallback_to_local", "Goes on alone when the driver fails."},
    {"adapter.aggregate_counts", "Common counts of all nodes."},
    {"adapter.fast_presence_transitions", "Presence without a round trip."},
    {"cluster.nodes", "Addresses of other nodes."},
    {"cluster.connection_limits.per_room", "Members of a room."},
    {"cluster.discovery", "Membership of the cluster."},
    {"cluster.failover", "Membership of the cluster."},
    {"cluster.balancing", "Membership of the cluster."},
    {"cluster.affinity", "Membership of the cluster."},
    {"database.mysql", "Connection to mysql."},
    {"database.postgres", "Connection to postgres."},
    {"database.dynamodb", "Connection to dynamodb."},
    {"database.surrealdb", "Connection to surrealdb."},
    {"database.scylladb", "Connection to scylladb."},
    {"database.url", "Connection to the database."},
    {"database_pooling", "Connections kept to the database."},
    {"app_manager.driver", "Where apps are stored.", "", "APP_MANAGER_DRIVER"},
    {"app_manager.cache", "Cache of stored apps."},
    {"cache.driver", "Where cached events are kept.", "", "CACHE_DRIVER"},
    {"cache.redis", "Cached events in Redis."},
    {"cache.memory", "Cached events in memory."},
    {"http_api.accept_traffic", "Memory above which new connections are refused."},
    {"history", "Channel history."},
    {"presence_history", "Presence history."},
    {"connection_recovery", "Resuming after a reconnect."},
    {"presence.update_rate_limit_per_member_per_second", "Rate of presence updates."},
    {"presence.ungraceful_timeout_seconds", "Delay of member_removed after a lost connection."},
    {"presence.v2_ungraceful_timeout_seconds", "The same for protocol 2."},
    {"queue", "Queue of webhooks."},
    {"webhooks", "Batching and retries of webhooks."},
    {"rate_limiter", "Rate limits per address."},
    {"ssl", "TLS listener."},
    {"unix_socket", "Listening on a Unix socket."},
    {"websocket.compression", "permessage-deflate."},
    {"metrics.tcp_exporter", "Export of metrics over TCP."},
    {"rooms", "Rooms with versioned state."},
    {"feeds", "Upstream exchange connections."},
    {"ephemeral", "Ephemeral messages."},
    {"echo_control", "Suppressing own messages."},
    {"event_name_filtering", "Filters on event names."},
    {"versioned_messages", "Versions of messages."},
    {"annotations", "Message annotations."},
};

// Keys of other servers that this one has no use for.
constexpr LaterRow kInert[] = {
    {"debug", "Use log.level."},
    {"mode", "Without apps the node is a development node."},
    {"path_prefix", "Paths are fixed."},
    {"server_role", "Every node serves clients and REST."},
    {"adapter.cluster_health.enabled", "Nodes of a cluster always send heartbeats."},
    {"adapter.cluster_health.cleanup_interval_ms", "A node is away after its timeout."},
    {"adapter.redis.requests_timeout", "Nodes do not ask each other for what they can know."},
    {"adapter.redis.prefix", "Use redis.key_prefix."},
    {"adapter.redis.redis_pub_options", "Use database.redis."},
    {"adapter.redis.redis_sub_options", "Use database.redis."},
    {"adapter.cluster.prefix", "Use redis.key_prefix."},
    {"adapter.cluster.request_timeout_ms", "Nodes do not ask each other for what they can know."},
    {"adapter.cluster.use_connection_manager", "Lost connections are always made again."},
    {"adapter.cluster.use_sharded_pubsub", "A Redis Cluster is always used with sharded pub/sub."},
    {"adapter.nats.request_timeout_ms", "Nodes do not ask each other for what they can know."},
    {"adapter.nats.connection_timeout_ms", "A server has a second to answer."},
    {"adapter.nats.nodes_number", "Nodes are found by starting them."},
    {"adapter.nats.discovery_max_wait_ms", "Nodes are found by starting them."},
    {"adapter.nats.discovery_idle_wait_ms", "Nodes are found by starting them."},
    {"adapter.nats.no_echo", "A node hears itself, as a proof that it is heard."},
    {"adapter.nats.subscription_capacity", "Use cluster.bus_queue_mb."},
    {"adapter.nats.client_capacity", "Use cluster.bus_queue_mb."},
    {"adapter.nats.max_reconnects", "It is tried again for ever."},
    {"adapter.nats.presence_sync_chunk_size", "Messages are as large as they must be."},
    {"delta_compression.coordination_backend", "The counters are where adapter.driver is."},
    {"cluster_health", "Use adapter.cluster_health."},
    {"health_check_timeout_ms", "Health checks do not wait."},
    {"cleanup", "Closed connections are cleaned up at once."},
    {"metrics.driver", "Metrics are in Prometheus text."},
    {"websocket.max_messages", "The queue is bounded by bytes: websocket.max_bytes."},
    {"websocket.max_message_size", "Use websocket_max_payload_kb."},
    {"websocket.max_frame_size", "Use websocket_max_payload_kb."},
    {"websocket.write_buffer_size", "Writes are gathered without a buffer."},
    {"websocket.max_backpressure", "Use websocket.max_bytes."},
    {"websocket.auto_ping", "Pings follow activity_timeout."},
    {"websocket.ping_interval", "Pings follow activity_timeout."},
    {"websocket.idle_timeout", "Use activity_timeout, or idle_timeout for silent clients."},
    {"push", "Push notifications are out of scope."},
    {"push_rules", "Push notifications are out of scope."},
    {"ai_transport", "Out of scope."},
    {"ably_compat", "Out of scope."},
};

Key key_of(const LaterRow& row, Since since) {
  Key key;
  key.path = row.path;
  key.type = Type::kSubtree;
  key.text = row.text;
  key.aliases = row.aliases;
  key.env = row.env;
  key.flag = row.flag;
  key.since = since;
  return key;
}

}  // namespace

std::vector<Key> later_keys() {
  std::vector<Key> rows;
  for (const LaterRow& row : kLater) rows.push_back(key_of(row, Since::kLater));
  for (const LaterRow& row : kInert) rows.push_back(key_of(row, Since::kInert));
  return rows;
}

}  // namespace mr::config
