#include "config/field.h"

namespace mr::config {
namespace {

using S = Settings;

std::vector<Key> server_rows() {
  Key host = setting({.path = "database.redis.host",
                      .text = "Host name or address of Redis.",
                      .env = "DATABASE_REDIS_HOST"},
                     [](S& s) -> auto& { return s.broker.redis.host; });
  host.type = Type::kHost;
  return {
      setting({.path = "redis.url",
               .text = "`redis://[user[:password]@]host[:port][/db]`, `rediss://` with TLS, or "
                       "`host:port`; stands for `database.redis.*` and selects the driver "
                       "`redis`; empty: neither.",
               .env = "REDIS_URL",
               .secret = true},
              [](S& s) -> auto& { return s.broker.url; }),
      setting({.path = "redis.key_prefix",
               .text = "What the names of keys and channels in Redis begin with; clusters with "
                       "other prefixes never meet.",
               .aliases = "database.redis.key_prefix",
               .env = "DATABASE_REDIS_KEY_PREFIX"},
              [](S& s) -> auto& { return s.broker.redis.prefix; }),
      std::move(host),
      setting({.path = "database.redis.port",
               .text = "TCP port of Redis.",
               .env = "DATABASE_REDIS_PORT",
               .min = 1,
               .max = 65535},
              [](S& s) -> auto& { return s.broker.redis.port; }),
      setting({.path = "database.redis.db",
               .text = "Database of Redis; clusters on other databases never meet.",
               .env = "DATABASE_REDIS_DB",
               .min = 0,
               .max = 65535},
              [](S& s) -> auto& { return s.broker.redis.db; }),
      setting({.path = "database.redis.username",
               .text = "ACL user of Redis, with a password; empty: its default user.",
               .aliases = "database.redis.cluster.username",
               .env = "DATABASE_REDIS_USERNAME"},
              [](S& s) -> auto& { return s.broker.redis.username; }),
      setting({.path = "database.redis.password",
               .text = "Password of Redis; empty: none.",
               .aliases = "database.redis.cluster.password",
               .env = "DATABASE_REDIS_PASSWORD",
               .secret = true},
              [](S& s) -> auto& { return s.broker.redis.password; }),
  };
}

std::vector<Key> cluster_rows() {
  return {
      setting({.path = "redis.cluster_mode",
               .text = "Redis is a Redis Cluster: selects the driver `redis-cluster`.",
               .aliases = "adapter.redis.cluster_mode"},
              [](S& s) -> auto& { return s.broker.redis_cluster_mode; }),
      setting({.path = "adapter.cluster.nodes",
               .text = "Servers of a Redis Cluster, each `host[:port]`; any of them tells of all; "
                       "empty: the one of `redis.url`, or of `database.redis.host` and "
                       "`database.redis.port`.",
               .aliases = "database.redis.cluster.nodes",
               .env = "REDIS_CLUSTER_NODES"},
              [](S& s) -> auto& { return s.broker.redis_nodes; }),
  };
}

std::vector<Key> sentinel_rows() {
  return {
      setting({.path = "database.redis.sentinels",
               .text = "Sentinels, each `host[:port]`, that say where the primary is; empty: none. "
                       "`redis.url`, `database.redis.host` and `database.redis.port` are without "
                       "use then.",
               .env = "DATABASE_REDIS_SENTINELS"},
              [](S& s) -> auto& { return s.broker.redis_sentinels; }),
      setting({.path = "database.redis.name",
               .text = "What the sentinels call the primary.",
               .env = "DATABASE_REDIS_NAME"},
              [](S& s) -> auto& { return s.broker.redis.sentinel.primary; }),
      setting({.path = "database.redis.sentinel_username",
               .text = "ACL user of the sentinels, with a password; empty: their default user.",
               .env = "DATABASE_REDIS_SENTINEL_USERNAME"},
              [](S& s) -> auto& { return s.broker.redis.sentinel.username; }),
      setting({.path = "database.redis.sentinel_password",
               .text = "Password of the sentinels; empty: none.",
               .env = "DATABASE_REDIS_SENTINEL_PASSWORD",
               .secret = true},
              [](S& s) -> auto& { return s.broker.redis.sentinel.password; }),
      setting({.path = "database.redis.sentinel_tls.enabled",
               .text = "The sentinels are spoken to with TLS, as `database.redis.tls` says.",
               .env = "DATABASE_REDIS_SENTINEL_TLS_ENABLED",
               .default_text = "`database.redis.tls.enabled`"},
              [](S& s) -> auto& { return s.broker.redis.sentinel.has_tls; }),
  };
}

}  // namespace

std::vector<Key> redis_keys() {
  std::vector<Key> rows;
  for (auto* part : {server_rows, cluster_rows, redis_tls_keys, sentinel_rows}) {
    for (Key& key : part()) rows.push_back(key);
  }
  return rows;
}

}  // namespace mr::config
