#include "config/field.h"

namespace mr::config {
namespace {

using S = Settings;

constexpr Change kLive = Change::kLive;
constexpr double kGigabyte = 1 << 30;
constexpr double kYear = 366.0 * 86400;

std::vector<Key> connection_rows() {
  return {
      setting({.path = "max_connections",
               .text = "WebSocket connections of this node; 0 means no limit; beyond it 4100.",
               .aliases = "cluster.connection_limits.global",
               .min = 0,
               .max = 100'000'000,
               .change = kLive},
              [](S& s) -> auto& { return s.session.max_connections; }),
      setting<Unit::kSeconds>(
          {.path = "activity_timeout",
           .text = "Announced to clients: silence after which a side sends a ping.",
           .env = "ACTIVITY_TIMEOUT",
           .min = 1,
           .max = 86400,
           .change = kLive},
          [](S& s) -> auto& { return s.session.activity_timeout; }),
      setting<Unit::kSeconds>({.path = "pong_timeout",
                               .text = "Wait for the answer to a ping before closing with 4201.",
                               .min = 0.1,
                               .max = 3600,
                               .change = kLive},
                              [](S& s) -> auto& { return s.session.pong_timeout; }),
      setting<Unit::kSeconds>(
          {.path = "user_authentication_timeout",
           .text = "Time to sign in when the app requires users, else 4009; 0 means no limit.",
           .env = "USER_AUTHENTICATION_TIMEOUT",
           .min = 0,
           .max = kYear,
           .change = kLive},
          [](S& s) -> auto& { return s.session.user_authentication_timeout; }),
      setting<Unit::kSeconds>(
          {.path = "idle_timeout",
           .text =
               "Time without any frame from the client before closing with 4202; 0 means never.",
           .aliases = "cluster.connection_limits.idle_timeout_secs",
           .min = 0,
           .max = kYear,
           .change = kLive},
          [](S& s) -> auto& { return s.session.idle_timeout; }),
      setting<Unit::kSeconds>(
          {.path = "max_connection_duration",
           .text =
               "Age at which a connection is closed with 4200, so that it moves; 0 means never.",
           .aliases = "cluster.connection_limits.max_duration_secs",
           .min = 0,
           .max = kYear,
           .change = kLive},
          [](S& s) -> auto& { return s.session.max_duration; }),
  };
}

std::vector<Key> websocket_rows() {
  Key policy = key_of({.path = "websocket.disconnect_on_buffer_full",
                       .text = "What happens to a reader slower than its channels: true closes it "
                               "with a code that makes it reconnect, false drops its oldest "
                               "messages and counts them.",
                       .env = "WEBSOCKET_DISCONNECT_ON_BUFFER_FULL",
                       .change = kLive},
                      Type::kBoolean);
  policy.set = [](Settings& to, const Value& value) {
    to.hub.slow_policy =
        std::get<bool>(value) ? hub::SlowPolicy::kClose : hub::SlowPolicy::kDropOldest;
  };
  policy.get = [](const Settings& from) -> Value {
    return from.hub.slow_policy == hub::SlowPolicy::kClose;
  };
  return {
      setting<Unit::kKilobytes>({.path = "websocket_max_payload_kb",
                                 .text = "Largest message of a client; beyond it close code 1009.",
                                 .env = "WEBSOCKET_MAX_PAYLOAD_KB",
                                 .min = 1,
                                 .max = 65536,
                                 .change = kLive},
                                [](S& s) -> auto& { return s.session.message_bytes_max; }),
      setting<Unit::kBytes>(
          {.path = "websocket.max_bytes",
           .text = "Frames that may wait behind the one being written, per connection; what the "
                   "kernel holds unsent counts.",
           .env = "WEBSOCKET_MAX_BYTES",
           .min = 1024,
           .max = kGigabyte},
          [](S& s) -> auto& { return s.hub.queue_bytes_max; }),
      std::move(policy),
      setting<Unit::kBytes>(
          {.path = "websocket.max_log_bytes",
           .text =
               "Messages kept per channel and event loop; a fuller log is written at once, and a "
               "reader that is further behind is handled by the slow-consumer policy.",
           .min = 65536,
           .max = kGigabyte},
          [](S& s) -> auto& { return s.hub.log_bytes_max; }),
      setting<Unit::kBytes>({.path = "websocket.max_reply_bytes",
                             .text = "Reserve for replies and control frames, per connection.",
                             .min = 16384,
                             .max = kGigabyte},
                            [](S& s) -> auto& { return s.hub.reply_bytes_max; }),
      setting<Unit::kSeconds>(
          {.path = "websocket.close_timeout",
           .text = "Wait for the client's close frame before the socket is cut.",
           .min = 0,
           .max = 300,
           .change = kLive},
          [](S& s) -> auto& { return s.session.close_timeout; }),
  };
}

std::vector<Key> http_rows() {
  return {
      setting<Unit::kBytes>({.path = "http.max_header_bytes",
                             .text = "Request line and headers together; beyond it 431.",
                             .min = 1024,
                             .max = 1 << 20},
                            [](S& s) -> auto& { return s.http.header_bytes_max; }),
      setting<Unit::kSeconds>(
          {.path = "http.header_timeout",
           .text = "Time for a complete request head, counted from the accept or its first byte.",
           .min = 0.1,
           .max = 3600},
          [](S& s) -> auto& { return s.http.header_timeout; }),
      setting<Unit::kMegabytes>(
          {.path = "http.max_body_memory_mb",
           .text = "Request bodies that are coming in, together and per event loop; beyond it 503. "
                   "One body of http_api.request_limit_in_mb always passes.",
           .min = 1,
           .max = 65536},
          [](S& s) -> auto& { return s.http.body_budget; }),
      setting<Unit::kSeconds>({.path = "http.body_timeout",
                               .text = "Time for a complete request body.",
                               .min = 0.1,
                               .max = 3600},
                              [](S& s) -> auto& { return s.http.body_timeout; }),
      setting<Unit::kSeconds>({.path = "http.keep_alive_timeout",
                               .text = "Time that a REST connection may be idle between requests.",
                               .min = 0.1,
                               .max = 86400},
                              [](S& s) -> auto& { return s.http.keep_alive_timeout; }),
      setting({.path = "http.max_pipeline",
               .text = "Requests in flight on one connection; further ones wait in the socket.",
               .min = 1,
               .max = 10000},
              [](S& s) -> auto& { return s.http.pipeline_max; }),
      setting({.path = "http.max_connections",
               .text = "Connections that are not upgraded, per event loop; beyond it 503.",
               .min = 1,
               .max = 10'000'000},
              [](S& s) -> auto& { return s.http.connections_max; }),
  };
}

std::vector<Key> channel_rows() {
  return {
      setting({.path = "channel_limits.max_name_length",
               .text = "Longest channel name, for apps that leave max_channel_name_length unset.",
               .min = 1,
               .max = 1024,
               .change = kLive},
              [](S& s) -> auto& { return s.app_defaults.max_channel_name_length; }),
      setting<Unit::kSeconds>({.path = "channel_limits.cache_ttl",
                               .text = "How long a cache channel keeps its last event.",
                               .min = 1,
                               .max = kYear},
                              [](S& s) -> auto& { return s.channel.cache_ttl; }),
      setting({.path = "channel_limits.max_cache_entries",
               .text = "Cached events kept per event loop; the oldest make room.",
               .min = 1,
               .max = 100'000'000},
              [](S& s) -> auto& { return s.channel.cache_entries_max; }),
      setting<Unit::kMegabytes>(
          {.path = "channel_limits.max_cache_mb",
           .text = "Cached events kept per event loop, in megabytes; the oldest make room.",
           .min = 1,
           .max = 65536},
          [](S& s) -> auto& { return s.channel.cache_bytes_max; }),
      setting({.path = "channel_limits.max_waiting_messages",
               .text = "Publishes of one channel that may wait for their release; beyond it 503.",
               .min = 1,
               .max = 1'000'000},
              [](S& s) -> auto& { return s.channel.fifo_messages_max; }),
      setting<Unit::kBytes>(
          {.path = "channel_limits.max_mailbox_bytes",
           .text = "Messages between two event loops; a fuller mailbox pauses the release.",
           .min = 1 << 20,
           .max = kGigabyte},
          [](S& s) -> auto& { return s.channel.mailbox_bytes_max; }),
  };
}

std::vector<Key> app_default_rows() {
  return {
      setting({.path = "cluster.connection_limits.per_user",
               .text = "Connections of one user, for apps that leave max_connections_per_user "
                       "unset; 0 means no limit.",
               .min = 0,
               .max = 1'000'000,
               .change = kLive},
              [](S& s) -> auto& { return s.app_defaults.max_connections_per_user; }),
      setting({.path = "event_limits.max_channels_at_once",
               .text = "Channels of one publish, for apps that leave max_event_channels_at_once "
                       "unset.",
               .min = 1,
               .max = 10000,
               .change = kLive},
              [](S& s) -> auto& { return s.app_defaults.max_event_channels_at_once; }),
      setting({.path = "event_limits.max_name_length",
               .text = "Longest event name, for apps that leave max_event_name_length unset.",
               .min = 1,
               .max = 1024,
               .change = kLive},
              [](S& s) -> auto& { return s.app_defaults.max_event_name_length; }),
      setting({.path = "event_limits.max_payload_in_kb",
               .text = "Largest event data in KiB, for apps that leave max_event_payload_in_kb "
                       "unset.",
               .min = 1,
               .max = 65536,
               .change = kLive},
              [](S& s) -> auto& { return s.app_defaults.max_event_payload_in_kb; }),
      setting({.path = "event_limits.max_batch_size",
               .text = "Events of one batch, for apps that leave max_event_batch_size unset.",
               .min = 1,
               .max = 10000,
               .change = kLive},
              [](S& s) -> auto& { return s.app_defaults.max_event_batch_size; }),
      setting({.path = "presence.max_members_per_channel",
               .text = "Members of a presence channel, for apps that leave "
                       "max_presence_members_per_channel unset.",
               .min = 1,
               .max = 1'000'000,
               .change = kLive},
              [](S& s) -> auto& { return s.app_defaults.max_presence_members_per_channel; }),
      setting({.path = "presence.max_member_size_in_kb",
               .text = "Largest user_info in KiB, for apps that leave "
                       "max_presence_member_size_in_kb unset.",
               .min = 1,
               .max = 1024,
               .change = kLive},
              [](S& s) -> auto& { return s.app_defaults.max_presence_member_size_in_kb; }),
  };
}

}  // namespace

std::vector<Key> limit_keys() {
  std::vector<Key> rows;
  for (auto* part : {connection_rows, websocket_rows, http_rows, channel_rows, app_default_rows}) {
    for (Key& key : part()) rows.push_back(key);
  }
  return rows;
}

}  // namespace mr::config
