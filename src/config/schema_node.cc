#include "config/field.h"

namespace mr::config {
namespace {

using S = Settings;

constexpr Change kLive = Change::kLive;

template <class Field>
Key address(Row row, Field field) {
  Key key = setting(row, field);
  key.type = Type::kAddress;
  return key;
}

std::vector<Key> node_rows() {
  return {
      address({.path = "host",
               .text = "Address that WebSocket and REST connections are accepted on.",
               .env = "HOST",
               .flag = "--host",
               .default_text = "\"0.0.0.0\"; development node: \"127.0.0.1\""},
              [](S& s) -> auto& { return s.host; }),
      setting({.path = "port",
               .text = "TCP port of WebSocket and REST; 0 takes any free port.",
               .env = "PORT NODE_PORT",
               .flag = "--port",
               .min = 0,
               .max = 65535},
              [](S& s) -> auto& { return s.port; }),
      setting(
          {.path = "loops",
           .text = "Event loops, one thread each; 0 means one per core that the process may use.",
           .flag = "--loops",
           .min = 0,
           .max = 256},
          [](S& s) -> auto& { return s.loops; }),
      setting<Unit::kSeconds>(
          {.path = "shutdown_grace_period",
           .text = "Drain window after SIGTERM: connections are closed spread over it.",
           .env = "SHUTDOWN_GRACE_PERIOD",
           .min = 0,
           .max = 3600,
           .change = kLive},
          [](S& s) -> auto& { return s.shutdown_grace_period; }),
      setting({.path = "conformance.echo",
               .text = "Opens /echo, which echoes WebSocket messages to conformance tools; not for "
                       "production."},
              [](S& s) -> auto& { return s.session.conformance_echo; }),
      setting({.path = "admin.token",
               .text = "Bearer token of /admin on the metrics listener; when empty, /admin answers "
                       "only to loopback.",
               .change = kLive,
               .secret = true},
              [](S& s) -> auto& { return s.admin_token; }),
  };
}

std::vector<Key> metrics_rows() {
  return {
      setting({.path = "metrics.enabled",
               .text = "Opens the metrics listener (/metrics, /health, /admin)."},
              [](S& s) -> auto& { return s.metrics.enabled; }),
      address({.path = "metrics.host",
               .text = "Address of the metrics listener.",
               .default_text = "the value of `host`"},
              [](S& s) -> auto& { return s.metrics.host; }),
      setting({.path = "metrics.port",
               .text = "TCP port of the metrics listener; 0 takes any free port.",
               .flag = "--metrics-port",
               .default_text = "`port` + 3600; any free port when `port` is 0",
               .min = 0,
               .max = 65535},
              [](S& s) -> auto& { return s.metrics.port; }),
      setting({.path = "metrics.prefix",
               .text = "What the names of our metrics begin with, before an underscore.",
               .aliases = "metrics.prometheus.prefix"},
              [](S& s) -> auto& { return s.metrics.prefix; }),
  };
}

std::vector<Key> log_rows() {
  Key format = setting({.path = "log.format",
                        .text = "`auto` writes text to a terminal and JSON lines otherwise.",
                        .env = "LOG_FORMAT LOG_OUTPUT_FORMAT"},
                       [](S& s) -> auto& { return s.log.format; });
  format.type = Type::kChoice;
  format.choices = "auto json text";
  return {
      setting(
          {.path = "log.level",
           .text = "Lowest level that is written, for all or per component: `info,delta=debug`; "
                   "levels are trace, debug, info, warn, error, off.",
           .env = "MILLRACE_LOG LOG_LEVEL",
           .flag = "--log",
           .change = kLive},
          [](S& s) -> auto& { return s.log.level; }),
      std::move(format),
      setting({.path = "log.file",
               .text = "File that logs are appended to, reopened on SIGUSR1; empty means standard "
                       "error.",
               .env = "LOG_FILE"},
              [](S& s) -> auto& { return s.log.file; }),
      setting({.path = "log.buffer_lines_max",
               .text = "Lines that may wait to be written; further ones are dropped and counted.",
               .min = 16,
               .max = 1'000'000},
              [](S& s) -> auto& { return s.log.buffer_lines_max; }),
  };
}

std::vector<Key> cors_rows() {
  return {
      setting({.path = "cors.origin",
               .text = "Origins whose pages may call the REST API; `*` allows any.",
               .aliases = "cors.origins",
               .env = "CORS_ORIGINS",
               .change = kLive},
              [](S& s) -> auto& { return s.cors.origin; }),
      setting({.path = "cors.methods",
               .text = "Methods named in preflight answers.",
               .env = "CORS_METHODS",
               .change = kLive},
              [](S& s) -> auto& { return s.cors.methods; }),
      setting({.path = "cors.allowed_headers",
               .text = "Request headers named in preflight answers.",
               .env = "CORS_HEADERS",
               .change = kLive},
              [](S& s) -> auto& { return s.cors.allowed_headers; }),
      setting({.path = "cors.credentials",
               .text = "Lets pages send credentials; the answer then names the origin instead of "
                       "`*`.",
               .env = "CORS_CREDENTIALS",
               .change = kLive},
              [](S& s) -> auto& { return s.cors.credentials; }),
  };
}

std::vector<Key> rest_rows() {
  return {
      setting<Unit::kMegabytes>({.path = "http_api.request_limit_in_mb",
                                 .text = "Largest body of a REST request; beyond it 413.",
                                 .min = 1,
                                 .max = 256,
                                 .change = kLive},
                                [](S& s) -> auto& { return s.http.body_bytes_max; }),
      setting({.path = "http_api.usage_enabled",
               .text = "Serves GET /usage (memory of the process).",
               .env = "HTTP_API_USAGE_ENABLED",
               .change = kLive},
              [](S& s) -> auto& { return s.rest.usage_enabled; }),
      setting(
          {.path = "http_api.replay_cache",
           .text = "Refuses a signed request that was already seen within the signature window; "
                   "off because SDKs send identical triggers of one second with one signature."},
          [](S& s) -> auto& { return s.rest.replay_cache; }),
      setting({.path = "idempotency.enabled",
               .text = "Honours idempotency keys of publishes.",
               .change = kLive},
              [](S& s) -> auto& { return s.rest.idempotency; }),
      setting<Unit::kSeconds>({.path = "idempotency.ttl_seconds",
                               .text = "How long the answer to an idempotency key is kept.",
                               .min = 1,
                               .max = 86400},
                              [](S& s) -> auto& { return s.channel.idempotency_ttl; }),
      setting({.path = "idempotency.max_key_length",
               .text = "Longest idempotency key in bytes.",
               .min = 1,
               .max = 1024,
               .change = kLive},
              [](S& s) -> auto& { return s.rest.idempotency_key_length_max; }),
      setting({.path = "idempotency.max_entries",
               .text = "Idempotency keys kept per event loop.",
               .min = 1,
               .max = 100'000'000},
              [](S& s) -> auto& { return s.channel.idempotency_entries_max; }),
  };
}

}  // namespace

std::vector<Key> node_keys() {
  std::vector<Key> rows;
  for (auto* part : {node_rows, metrics_rows, log_rows, cors_rows, rest_rows}) {
    for (Key& key : part()) rows.push_back(key);
  }
  return rows;
}

}  // namespace mr::config
