#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/hash.h"
#include "model/app.h"
#include "model/channel_name.h"

namespace mr::channel {

// How the messages of one channel are chained for deltas.
struct ChainOptions {
  std::uint32_t label = 0;                   // what the metrics call the channel's settings
  std::uint32_t app_label = 0;               // and its app
  std::size_t app_bytes_max = SIZE_MAX;      // kept for all chains of the app, per home loop
  std::string conflation_key;                // path into the data; empty: one chain
  std::uint32_t full_message_interval = 10;  // every n-th message of a chain is full
  std::size_t data_bytes_min = 100;          // smaller data travels plain
  std::uint32_t messages_per_key_max = 10;   // that decoders are told to keep of a chain
  std::uint32_t keys_max = 1000;             // chains; above, the least recently used one goes
  base::Duration age_max = std::chrono::seconds(300);  // of a chain without messages
  // What a chain sends plain before it is tried again, when its deltas are not shorter.
  std::uint32_t suspended_messages = 100;
  // Of the bases that one synchronisation holds; above, it holds none.
  std::size_t sync_bytes_max = 64 * 1024;
  bool keeps_tags = true;       // in the frames of protocol 2
  bool keeps_bases = false;     // chains advance while nobody wants deltas, for later subscribers
  bool is_coordinated = false;  // all nodes count the messages of its chains together
};
using ChainOptionsRef = std::shared_ptr<const ChainOptions>;

// Where a channel's settings come from, owned by this folder. One loop's.
class ChainPolicy {
 public:
  // Null: the defaults.
  virtual ChainOptionsRef find(const model::App& app, const model::ChannelName& channel) = 0;
  // Some channel may have coordination.
  virtual bool coordinates() const { return false; }

 protected:
  ~ChainPolicy() = default;
};

// Where a channel, or another thing of an app, is on the bus; the same on every node.
inline std::uint32_t bus_partition(std::string_view app_id, std::string_view name,
                                   std::uint32_t partitions) {
  return static_cast<std::uint32_t>(base::placing_hash(app_id, name) % partitions);
}

struct Options {
  // Makes a wire frame of a text; the WebSocket codec's, given by app/ (channel/ knows no ws/).
  std::string (*text_frame)(std::string_view payload) = nullptr;
  // What stands before a text of so many bytes in its frame.
  std::string (*text_head)(std::size_t payload_bytes) = nullptr;

  std::string node_name;                 // for what is not for one node's connections
  std::uint32_t partitions = 1024;       // bus partitions; home loop = partition modulo loops
  std::size_t fifo_messages_max = 4096;  // accepted and not yet released, per channel
  // Patterns of channels whose messages all nodes have in the broker's order (delta::matches).
  std::vector<std::string> broker_ordered;
  std::size_t mailbox_bytes_max = 64 << 20;  // a fuller mailbox pauses the release
  base::Duration cache_ttl = std::chrono::minutes(30);
  std::size_t cache_entries_max = 10'000;  // cached events per home loop
  std::size_t cache_bytes_max = 64 << 20;  // of cached events and their channels' names
  base::Duration idempotency_ttl = std::chrono::seconds(120);
  std::size_t idempotency_entries_max = 100'000;  // per home loop
  // Where chains take their settings from; without it from the defaults. Whether a subscriber may
  // have deltas was decided before it asks.
  ChainPolicy* chain_policy = nullptr;
  std::size_t chain_bytes_max = 256 << 20;  // messages kept as bases, per home loop
};

}  // namespace mr::channel
