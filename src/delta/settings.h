#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "delta/algorithm.h"
#include "model/delta_settings.h"

namespace mr::delta {

// What holds for one channel of one app.
struct ChannelSettings {
  std::string pattern;                 // that decided, as configured; empty: none matches
  std::optional<bool> enabled;         // what that pattern says; absent: nothing
  std::optional<Algorithm> algorithm;  // the same
  std::string conflation_key;          // path into the data; empty: one chain
  std::uint32_t max_messages_per_key = 10;
  std::uint32_t max_conflation_keys = 1000;
  std::uint32_t full_message_interval = 10;
  std::uint32_t min_message_size = 100;
  model::CacheSync cache_sync = model::CacheSync::kEmpty;
  bool enable_tags = true;
};

// An exact name, `prefix*`, `*suffix` or `*`.
bool matches(std::string_view pattern, std::string_view channel);

// One pattern decides: an exact name, else the one with the longest text; of equally long ones the
// app's, then the one with its text in front. What it does not say comes from the node's defaults,
// not from a further pattern.
ChannelSettings resolve(const model::DeltaSettings& node, std::span<const model::DeltaPattern> app,
                        std::string_view channel);
// The same with the app's patterns that the settings hold.
std::span<const model::DeltaPattern> patterns_of(const model::DeltaSettings& settings,
                                                 const std::string& app_id);
ChannelSettings resolve_for(const model::DeltaSettings& settings, const std::string& app_id,
                            std::string_view channel);

// All that decides whether a subscription gets deltas.
struct Question {
  const model::DeltaOptions* node = nullptr;
  const ChannelSettings* channel = nullptr;
  bool is_encrypted = false;
  const model::DeltaWish* subscription = nullptr;  // null: its subscribe asked for nothing
  const model::DeltaSwitch* connection = nullptr;  // null: never asked
};

// The algorithm of a subscription, or none: plain frames. In this order: a node that is switched
// off and encrypted channels never; what the subscriber asked for on this channel; the channel's
// pattern, when it disables; the connection's switch. Who asked for nothing gets nothing. An
// algorithm that the subscriber did not name is the pattern's if the client offered it, else the
// client's first, else the node's.
std::optional<Algorithm> choose_algorithm(const Question& question);

// The answer to a connection's switch; none: `enabled` is false.
std::optional<Algorithm> confirm(const model::DeltaOptions& node, const model::DeltaSwitch& asked);

}  // namespace mr::delta
