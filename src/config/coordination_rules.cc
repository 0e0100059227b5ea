#include "config/coordination_rules.h"

#include <algorithm>

namespace mr::config {
namespace {

constexpr std::string_view kSwitch = "delta_compression.cluster_coordination";

bool has_key(const model::DeltaPattern& pattern, const model::DeltaOptions& node) {
  return !pattern.conflation_key.value_or(node.conflation_key_path).empty();
}

bool some_channel_has_key(const model::DeltaSettings& settings) {
  const auto is_keyed = [&settings](const model::DeltaPattern& pattern) {
    return pattern.enabled.value_or(true) && has_key(pattern, settings.delta);
  };
  const auto& common = settings.channel_delta_compression;
  return !settings.delta.conflation_key_path.empty() || std::ranges::any_of(common, is_keyed) ||
         std::ranges::any_of(settings.apps, [&is_keyed](const auto& app) {
           return std::ranges::any_of(app.second, is_keyed);
         });
}

void add_unkeyed(const std::vector<model::DeltaPattern>& patterns, const model::DeltaOptions& node,
                 const std::string& where, std::vector<std::string>& lines) {
  for (const model::DeltaPattern& pattern : patterns) {
    if (!pattern.enabled.value_or(true) || has_key(pattern, node)) continue;
    lines.push_back(where + "channel_delta_compression[" + quote(pattern.pattern) +
                    "] has no conflation_key: each node counts its full messages for itself");
  }
}

}  // namespace

void check_coordination(Layers& layers, const Settings& settings) {
  const model::DeltaSettings& delta = settings.delta;
  if (!delta.delta.cluster_coordination) return;
  const std::string place = layers.place(kSwitch) + ": " + quote(kSwitch) + " ";
  if (settings.broker.driver == BrokerDriver::kLocal) {
    layers.add_error(place +
                     "needs a store that all nodes share, and \"adapter.driver\" is local (" +
                     layers.place("adapter.driver") +
                     "); set \"adapter.driver\" to redis, redis-cluster or nats, or switch the "
                     "coordination off");
  }
  if (!some_channel_has_key(delta)) {
    layers.add_error(place +
                     "counts messages by conflation key, and no channel has one; set "
                     "\"conflation_key\" of a pattern of \"channel_delta_compression\", or "
                     "\"delta_compression.conflation_key_path\"");
  }
}

std::vector<std::string> uncoordinated_channels(const Settings& settings) {
  std::vector<std::string> lines;
  const model::DeltaSettings& delta = settings.delta;
  if (!delta.delta.cluster_coordination) return lines;
  add_unkeyed(delta.channel_delta_compression, delta.delta, "", lines);
  for (const auto& [app_id, patterns] : delta.apps) {
    add_unkeyed(patterns, delta.delta, "app " + quote(app_id) + ": ", lines);
  }
  return lines;
}

}  // namespace mr::config
