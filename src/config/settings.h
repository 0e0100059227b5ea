#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "channel/options.h"
#include "cluster/nats/options.h"
#include "cluster/options.h"
#include "cluster/redis/options.h"
#include "http/options.h"
#include "hub/options.h"
#include "model/app.h"
#include "model/delta_settings.h"
#include "observability/options.h"
#include "session/options.h"

namespace mr::config {

// The listener of /metrics, /health and /admin.
struct MetricsOptions {
  bool enabled = true;
  std::string host;        // load() fills it in: the node's host unless set
  std::uint16_t port = 0;  // load() fills it in: the node's port + 3600 unless set; 0 stays 0
  std::string prefix = "millrace";  // of the metrics' names
};

// Cross-origin answers of the REST API.
struct CorsOptions {
  bool credentials = true;
  std::vector<std::string> origin = {"*"};
  std::vector<std::string> methods = {"GET", "POST", "OPTIONS"};
  std::vector<std::string> allowed_headers = {"Authorization", "Content-Type", "X-Requested-With",
                                              "Accept", "X-Idempotency-Key"};
};

// What nodes are connected by.
enum class BrokerDriver : std::uint8_t { kLocal, kRedis, kRedisCluster, kNats };

struct BrokerOptions {
  std::string url;  // as it was given; load() puts its parts into `redis`
  BrokerDriver driver = BrokerDriver::kLocal;
  cluster::redis::RedisOptions redis;        // of kRedis and kRedisCluster
  bool redis_cluster_mode = false;           // stands for kRedisCluster
  std::vector<std::string> redis_nodes;      // as they were given; load() puts them into `redis`
  std::vector<std::string> redis_sentinels;  // as they were given; load() puts them into `redis`
  std::vector<std::string> nats_servers;     // as they were given; load() puts them into `nats`
  cluster::nats::NatsOptions nats;           // of kNats
};

struct RestOptions {
  bool usage_enabled = true;  // GET /usage
  bool replay_cache = false;  // refuse a signed request that was seen within the window
  bool idempotency = true;    // honour idempotency keys of publishes
  std::uint32_t idempotency_key_length_max = 128;
};

// Everything a node is started with: a plain value, complete and valid when load() gave no error.
// The folders' own Options inside are handed to them unchanged.
struct Settings {
  std::string host = "0.0.0.0";
  std::uint16_t port = 6001;  // 0: any free port
  std::uint32_t loops = 0;    // 0: one per core that the process may use
  bool development = false;   // no apps were configured: demo app, demo page, loopback
  base::Duration shutdown_grace_period = std::chrono::seconds(15);  // the drain window

  std::vector<model::AppOptions> apps;
  model::AppOptions app_defaults;  // what apps start from: event_limits.*, presence.* and others

  model::DeltaSettings delta;  // delta_compression.*, tag_filtering.*, channel_delta_compression

  http::Options http;
  session::Options session;  // also conformance.echo
  hub::Options hub;
  channel::Options channel;
  observability::LogOptions log;
  MetricsOptions metrics;
  CorsOptions cors;
  RestOptions rest;
  std::string node_name;     // as it was given; cluster.name is what counts
  cluster::Options cluster;  // its `name` is never empty
  BrokerOptions broker;
  std::string admin_token;  // empty: /admin only from loopback
};

}  // namespace mr::config
