#include "config/field.h"

namespace mr::config {
namespace {

using A = model::AppOptions;

constexpr Change kLive = Change::kLive;
constexpr double kMany = 1'000'000'000;

struct Range {
  double min;
  double max;
};

// A limit of an app; all are counts that may change while the node runs.
template <class Field>
Key app_limit(std::string_view path, Range range, std::string_view text, Field field,
              std::string_view default_text = "") {
  return app_setting({.path = path,
                      .text = text,
                      .default_text = default_text,
                      .min = range.min,
                      .max = range.max,
                      .change = kLive},
                     field);
}

template <class Field>
Key app_switch(std::string_view path, std::string_view text, Field field) {
  return app_setting({.path = path, .text = text, .change = kLive}, field);
}

std::vector<Key> identity_rows() {
  Key apps;
  apps.path = "apps";
  apps.type = Type::kApps;
  apps.aliases = "app_manager.array.apps";
  apps.text =
      "The applications: a list, or a map from id to the rest. An app may also group its keys as "
      "`policy: {limits: {}, features: {}, channels: {}}`.";
  apps.default_text = "none: a development node with the app `app-id`";
  apps.change = kLive;
  return {
      apps,
      app_setting({.path = "apps[].id", .text = "Id in REST paths; unique.", .change = kLive},
                  [](A& a) -> auto& { return a.id; }),
      app_setting({.path = "apps[].key",
                   .text = "Public key that clients connect with; unique.",
                   .change = kLive},
                  [](A& a) -> auto& { return a.key; }),
      app_setting({.path = "apps[].secret",
                   .text = "Secret that signatures are made with; `${NAME}` takes it from the "
                           "environment.",
                   .change = kLive,
                   .secret = true},
                  [](A& a) -> auto& { return a.secret; }),
      app_switch("apps[].enabled",
                 "A disabled app refuses connections with 4003 and REST with 403.",
                 [](A& a) -> auto& { return a.enabled; }),
      app_switch("apps[].enable_client_messages", "Lets clients send client- events.",
                 [](A& a) -> auto& { return a.enable_client_messages; }),
      app_switch("apps[].enable_user_authentication",
                 "Closes connections that do not sign in within user_authentication_timeout.",
                 [](A& a) -> auto& { return a.enable_user_authentication; }),
      app_switch("apps[].enable_subscription_count",
                 "Sends subscription counts to the subscribers of a channel.",
                 [](A& a) -> auto& { return a.enable_subscription_count; }),
      app_switch("apps[].allowed_origins",
                 "Origins that browsers may connect from: exact, or with one `*`; empty or `*` "
                 "allows any.",
                 [](A& a) -> auto& { return a.allowed_origins; }),
      app_switch(
          "apps[].channel_delta_compression",
          "Deltas per channel pattern of the app, as `channel_delta_compression`; of equally "
          "long patterns the app's decides.",
          [](A& a) -> auto& { return a.channel_delta_compression; }),
  };
}

std::vector<Key> limit_rows() {
  return {
      app_limit("apps[].max_connections", {0, kMany}, "Connections of the app; 0 means no limit.",
                [](A& a) -> auto& { return a.max_connections; }),
      app_limit(
          "apps[].max_connections_per_user", {0, kMany},
          "Connections of one signed-in user; 0 means no limit.",
          [](A& a) -> auto& { return a.max_connections_per_user; },
          "the value of `cluster.connection_limits.per_user`"),
      app_limit("apps[].max_subscriptions_per_connection", {1, kMany},
                "Channels that one connection may be subscribed to.",
                [](A& a) -> auto& { return a.max_subscriptions_per_connection; }),
      app_limit("apps[].max_client_events_per_second", {0, kMany},
                "Client events of one connection; 0 means no limit.",
                [](A& a) -> auto& { return a.max_client_events_per_second; }),
      app_limit("apps[].max_backend_events_per_second", {0, kMany},
                "Events that the app publishes by REST on this node, all its connections together; "
                "0 means no limit.",
                [](A& a) -> auto& { return a.max_backend_events_per_second; }),
      app_limit(
          "apps[].max_read_requests_per_second", {0, kMany},
          "REST queries of the app on this node, all its connections together; 0 means no limit.",
          [](A& a) -> auto& { return a.max_read_requests_per_second; }),
      app_limit(
          "apps[].max_presence_members_per_channel", {1, 1'000'000},
          "Members of a presence channel.",
          [](A& a) -> auto& { return a.max_presence_members_per_channel; },
          "the value of `presence.max_members_per_channel`"),
      app_limit(
          "apps[].max_presence_member_size_in_kb", {1, 1024}, "Largest user_info in KiB.",
          [](A& a) -> auto& { return a.max_presence_member_size_in_kb; },
          "the value of `presence.max_member_size_in_kb`"),
      app_limit(
          "apps[].max_channel_name_length", {1, 1024}, "Longest channel name.",
          [](A& a) -> auto& { return a.max_channel_name_length; },
          "the value of `channel_limits.max_name_length`"),
      app_limit(
          "apps[].max_event_channels_at_once", {1, 10000}, "Channels of one publish.",
          [](A& a) -> auto& { return a.max_event_channels_at_once; },
          "the value of `event_limits.max_channels_at_once`"),
      app_limit(
          "apps[].max_event_name_length", {1, 1024}, "Longest event name.",
          [](A& a) -> auto& { return a.max_event_name_length; },
          "the value of `event_limits.max_name_length`"),
      app_limit(
          "apps[].max_event_payload_in_kb", {1, 65536}, "Largest event data in KiB.",
          [](A& a) -> auto& { return a.max_event_payload_in_kb; },
          "the value of `event_limits.max_payload_in_kb`"),
      app_limit("apps[].max_delta_memory_in_mb", {0, 1'000'000},
                "MiB of messages that the node keeps as bases for the app; 0 means that only "
                "delta_compression.max_memory_mb bounds them.",
                [](A& a) -> auto& { return a.max_delta_memory_in_mb; }),
      app_limit(
          "apps[].max_event_batch_size", {1, 10000}, "Events of one batch.",
          [](A& a) -> auto& { return a.max_event_batch_size; },
          "the value of `event_limits.max_batch_size`"),
  };
}

Key later_of_app(std::string_view path, std::string_view text) {
  Key key;
  key.path = path;
  key.type = Type::kSubtree;
  key.text = text;
  key.since = Since::kLater;
  return key;
}

std::vector<Key> later_rows() {
  return {
      later_of_app("apps[].webhooks", "Webhooks of the app."),
      later_of_app("apps[].channel_namespaces", "Rules per channel pattern."),
      later_of_app("apps[].enable_watchlist_events", "Online and offline events of watched users."),
      later_of_app("apps[].message_rate_limit", "Rate limit of all messages of a connection."),
      later_of_app("apps[].decay_seconds", "Window of the client event limit."),
      later_of_app("apps[].terminate_on_limit", "Closes connections that exceed the limit."),
      later_of_app("apps[].annotations_enabled", "Message annotations."),
      later_of_app("apps[].idempotency", "Idempotency settings of the app."),
      later_of_app("apps[].connection_recovery", "Connection recovery of the app."),
      later_of_app("apps[].history", "Channel history of the app."),
      later_of_app("apps[].presence_history", "Presence history of the app."),
  };
}

}  // namespace

std::vector<Key> app_keys() {
  std::vector<Key> rows;
  for (auto* part : {identity_rows, limit_rows, later_rows}) {
    for (Key& key : part()) rows.push_back(key);
  }
  return rows;
}

}  // namespace mr::config
