#include "config/field.h"

namespace mr::config {
namespace {

using S = Settings;

constexpr Change kLive = Change::kLive;
constexpr double kMany = 1'000'000;

Key algorithm_row() {
  Key key = key_of({.path = "delta_compression.algorithm",
                    .text = "Algorithm for clients that leave the choice to the server.",
                    .change = kLive},
                   Type::kChoice);
  key.choices = "fossil xdelta3";
  key.set = [](S& to, const Value& value) {
    to.delta.delta.algorithm = model::parse_delta_algorithm(std::get<std::string>(value))
                                   .value_or(model::DeltaAlgorithm::kFossil);
  };
  key.get = [](const S& from) {
    return Value(std::string(model::wire_name(from.delta.delta.algorithm)));
  };
  return key;
}

template <class Field>
Key count_row(std::string_view name, double min, std::string_view text, Field field) {
  return setting({.path = name, .text = text, .min = min, .max = kMany, .change = kLive}, field);
}

std::vector<Key> interval_rows() {
  return {
      count_row("delta_compression.full_message_interval", 1,
                "Every so many messages of a channel or key one is sent whole.",
                [](S& s) -> auto& { return s.delta.delta.full_message_interval; }),
      count_row("delta_compression.min_message_size", 0,
                "Bytes of data below which a message is sent plain.",
                [](S& s) -> auto& { return s.delta.delta.min_message_size; }),
      count_row("delta_compression.max_state_age_secs", 1,
                "Seconds without a message after which a base is dropped.",
                [](S& s) -> auto& { return s.delta.delta.max_state_age_secs; }),
      count_row("delta_compression.max_channel_states_per_socket", 0,
                "Subscriptions with deltas of one connection; further ones are plain and counted.",
                [](S& s) -> auto& { return s.delta.delta.max_channel_states_per_socket; }),
      count_row("delta_compression.max_conflation_states_per_channel", 1,
                "Keys of one channel with a base, where its pattern says nothing.",
                [](S& s) -> auto& { return s.delta.delta.max_conflation_states_per_channel; }),
      count_row("delta_compression.max_memory_mb", 1,
                "MiB of messages that the node keeps as bases; over it the longest unused go.",
                [](S& s) -> auto& { return s.delta.delta.max_memory_mb; }),
      count_row("delta_compression.max_resyncs_per_second", 1,
                "Synchronisations that one connection gets in a second by asking; further ones "
                "come later.",
                [](S& s) -> auto& { return s.delta.delta.max_resyncs_per_second; }),
  };
}

}  // namespace

std::vector<Key> delta_keys() {
  std::vector<Key> rows = {
      setting({.path = "delta_compression.enabled",
               .text = "Sends deltas to clients that ask for them; `false` switches them off for "
                       "everybody.",
               .change = kLive},
              [](S& s) -> auto& { return s.delta.delta.enabled; }),
      algorithm_row(),
  };
  for (Key& key : interval_rows()) rows.push_back(key);
  rows.insert(
      rows.end(),
      {setting({.path = "delta_compression.conflation_key_path",
                .text = "Path of the conflation key in the data, where a channel's pattern says "
                        "nothing; empty means none.",
                .change = kLive},
               [](S& s) -> auto& { return s.delta.delta.conflation_key_path; }),
       setting({.path = "delta_compression.cluster_coordination",
                .text = "All nodes count the messages of each conflation key together, so that "
                        "the same ones are whole everywhere; needs redis or nats and a "
                        "conflation key.",
                .change = kLive},
               [](S& s) -> auto& { return s.delta.delta.cluster_coordination; }),
       setting<Unit::kMilliseconds>(
           {.path = "delta_compression.coordination_timeout_ms",
            .text = "How long a message waits for the common count; then its node's own holds.",
            .min = 1,
            .max = 10'000,
            .change = kLive},
           [](S& s) -> auto& { return s.delta.delta.coordination_timeout; }),
       setting({.path = "delta_compression.omit_delta_algorithm",
                .text = "Leaves the algorithm out of delta frames where the client knows it.",
                .change = kLive},
               [](S& s) -> auto& { return s.delta.delta.omit_delta_algorithm; }),
       setting({.path = "tag_filtering.enabled",
                .text = "Lets subscribers filter by tags and event names; otherwise a filter is "
                        "refused.",
                .env = "TAG_FILTERING_ENABLED",
                .change = kLive},
               [](S& s) -> auto& { return s.delta.tags.enabled; }),
       setting({.path = "tag_filtering.enable_tags",
                .text = "Keeps tags in delivered messages (protocol 2).",
                .change = kLive},
               [](S& s) -> auto& { return s.delta.tags.enable_tags; }),
       setting(
           {.path = "channel_delta_compression",
            .text = "Deltas per channel pattern (a name, `prefix*`, `*suffix`, `*`), for all "
                    "apps: `inherit`, `disabled`, an algorithm, or a map of enabled, algorithm, "
                    "conflation_key, max_messages_per_key, max_conflation_keys, "
                    "full_message_interval, min_message_size, cache_sync, enable_tags.",
            .change = kLive},
           [](S& s) -> auto& { return s.delta.channel_delta_compression; })});
  return rows;
}

}  // namespace mr::config
