#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/delta_algorithm.h"
#include "model/delta_request.h"

namespace mr::model {

// What the configuration says of deltas and tag filters. Names as in the configuration.

// `delta_compression.*`: the node's defaults.
struct DeltaOptions {
  bool enabled = true;  // false: nobody gets deltas, whatever is asked or configured elsewhere
  DeltaAlgorithm algorithm = DeltaAlgorithm::kFossil;
  std::uint32_t full_message_interval = 10;  // every N-th message of a chain is full
  std::uint32_t min_message_size = 100;      // bytes of `data`; smaller messages travel plain
  std::uint32_t max_state_age_secs = 300;    // a chain without messages for so long is dropped
  std::uint32_t max_channel_states_per_socket = 100;  // delta subscriptions of one connection
  std::uint32_t max_conflation_states_per_channel = 1000;
  std::uint32_t max_memory_mb = 256;          // of the messages that chains keep, on the node
  std::uint32_t max_resyncs_per_second = 10;  // of one connection; further ones wait
  std::string conflation_key_path =
      {};                             // empty: channels are not keyed unless their pattern says so
  bool cluster_coordination = false;  // all nodes count the messages of keyed channels together
  // Of an answer of the common counter; a later one is the node's own.
  std::chrono::nanoseconds coordination_timeout = std::chrono::milliseconds(50);
  bool omit_delta_algorithm = false;
};

// `tag_filtering.*`
struct TagFilteringOptions {
  bool enabled = true;
  bool enable_tags = true;  // tags stay in delivered frames (protocol 2 only)
};

// One entry of `channel_delta_compression`; what is absent is the node's.
struct DeltaPattern {
  std::string pattern = {};                    // "ticker:AAPL", "ticker:*", "*-book" or "*"
  std::optional<bool> enabled = std::nullopt;  // "disabled": false; an algorithm: true
  std::optional<DeltaAlgorithm> algorithm = std::nullopt;
  std::optional<std::string> conflation_key = std::nullopt;
  std::optional<std::uint32_t> max_messages_per_key = std::nullopt;
  std::optional<std::uint32_t> max_conflation_keys = std::nullopt;
  std::optional<std::uint32_t> full_message_interval = std::nullopt;
  std::optional<std::uint32_t> min_message_size = std::nullopt;
  std::optional<CacheSync> cache_sync = std::nullopt;
  std::optional<bool> enable_tags = std::nullopt;
};

// All of one node; an app has patterns of its own beside these.
struct DeltaSettings {
  DeltaOptions delta;
  TagFilteringOptions tags;
  std::vector<DeltaPattern> channel_delta_compression;
  std::map<std::string, std::vector<DeltaPattern>> apps;  // their own patterns, by app id
};

}  // namespace mr::model
