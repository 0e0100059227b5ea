#include "delta/settings.h"

#include <tuple>

namespace mr::delta {
namespace {

using Rank = std::tuple<bool, std::size_t, bool, bool>;

Rank rank_of(std::string_view pattern, bool is_app) {
  const bool is_exact = pattern.find('*') == std::string_view::npos;
  return {is_exact, pattern.size(), is_app, pattern.ends_with('*')};
}

const model::DeltaPattern* find_pattern(const model::DeltaSettings& node,
                                        std::span<const model::DeltaPattern> app,
                                        std::string_view channel) {
  const model::DeltaPattern* found = nullptr;
  Rank best;
  for (const bool is_app : {false, true}) {
    const auto patterns = is_app ? app : std::span(node.channel_delta_compression);
    for (const model::DeltaPattern& entry : patterns) {
      if (!matches(entry.pattern, channel)) continue;
      const Rank rank = rank_of(entry.pattern, is_app);
      if (found != nullptr && rank <= best) continue;
      found = &entry;
      best = rank;
    }
  }
  return found;
}

// What a client gets that leaves the choice to the server.
std::optional<Algorithm> server_choice(const model::DeltaOptions& node,
                                       std::optional<Algorithm> of_pattern,
                                       const model::DeltaSwitch* connection) {
  const bool has_offer = connection != nullptr && connection->enabled && connection->offer;
  if (of_pattern && (!has_offer || connection->offer->has(*of_pattern))) return of_pattern;
  return has_offer ? connection->offer->preferred() : std::optional(node.algorithm);
}

}  // namespace

bool matches(std::string_view pattern, std::string_view channel) {
  if (pattern.ends_with('*')) return channel.starts_with(pattern.substr(0, pattern.size() - 1));
  if (pattern.starts_with('*')) return channel.ends_with(pattern.substr(1));
  return pattern == channel;
}

ChannelSettings resolve(const model::DeltaSettings& node, std::span<const model::DeltaPattern> app,
                        std::string_view channel) {
  static const model::DeltaPattern kNothing;
  const model::DeltaPattern* found = find_pattern(node, app, channel);
  const model::DeltaPattern& entry = found != nullptr ? *found : kNothing;
  const model::DeltaOptions& defaults = node.delta;
  ChannelSettings settings;
  settings.pattern = entry.pattern;
  settings.enabled = entry.enabled;
  settings.algorithm = entry.algorithm;
  settings.conflation_key = entry.conflation_key.value_or(defaults.conflation_key_path);
  settings.max_messages_per_key =
      entry.max_messages_per_key.value_or(settings.max_messages_per_key);
  settings.max_conflation_keys =
      entry.max_conflation_keys.value_or(defaults.max_conflation_states_per_channel);
  settings.full_message_interval =
      entry.full_message_interval.value_or(defaults.full_message_interval);
  settings.min_message_size = entry.min_message_size.value_or(defaults.min_message_size);
  settings.cache_sync = entry.cache_sync.value_or(settings.cache_sync);
  settings.enable_tags = entry.enable_tags.value_or(node.tags.enable_tags);
  return settings;
}

std::span<const model::DeltaPattern> patterns_of(const model::DeltaSettings& settings,
                                                 const std::string& app_id) {
  const auto found = settings.apps.find(app_id);
  if (found == settings.apps.end()) return {};
  return found->second;
}

ChannelSettings resolve_for(const model::DeltaSettings& settings, const std::string& app_id,
                            std::string_view channel) {
  return resolve(settings, patterns_of(settings, app_id), channel);
}

std::optional<Algorithm> choose_algorithm(const Question& question) {
  const model::DeltaWish* wish = question.subscription;
  if (!question.node->enabled || question.is_encrypted) return std::nullopt;
  if (wish != nullptr) {
    if (!wish->enabled) return std::nullopt;
    if (wish->algorithm) return wish->algorithm;
  } else {
    if (!question.channel->enabled.value_or(true)) return std::nullopt;
    if (question.connection == nullptr || !question.connection->enabled) return std::nullopt;
  }
  return server_choice(*question.node, question.channel->algorithm, question.connection);
}

std::optional<Algorithm> confirm(const model::DeltaOptions& node, const model::DeltaSwitch& asked) {
  if (!node.enabled || !asked.enabled) return std::nullopt;
  return server_choice(node, std::nullopt, &asked);
}

}  // namespace mr::delta
