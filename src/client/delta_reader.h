#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <string_view>

#include "base/flat_map.h"
#include "delta/algorithm.h"
#include "json/parser.h"

namespace mr::client {

// Rebuilds whole messages from the deltas of a server (docs/protocol.md, "Deltas"). One per
// connection, which asked with `crc`: a VCDIFF delta without a sum is not believed. Holds the last
// messages of each key of each channel, at most `texts_max` bytes of them altogether; the longest
// unused go first. A damaged or foreign delta is told, and never becomes a wrong message.
class DeltaReader {
 public:
  struct Limits {
    std::size_t text_bytes_max = 16 << 20;   // of one message
    std::size_t texts_bytes_max = 64 << 20;  // of all that are held
    std::uint32_t per_key_max = 2;           // messages held of one key
  };
  enum class Outcome : std::uint8_t {
    kPlain,     // no frame of deltas: read it as it is
    kMessage,   // `text` is the whole message
    kConsumed,  // a frame of the delta protocol, nothing for the application
    kLost,      // a message of `channel` could not be rebuilt: `why`
  };
  struct Result {
    Outcome outcome = Outcome::kPlain;
    std::string text = {};
    std::string channel = {};
    std::string why = {};
    bool asks = false;         // kLost: for a start, with delta_sync_error; once until it comes
    std::uint64_t number = 0;  // of kMessage
    std::uint64_t base = 0;    // that it was made from; 0: it came whole
    bool is_keyed = false;     // it is of one conflation key's messages
  };
  struct Counts {
    std::uint64_t fulls = 0;
    std::uint64_t deltas = 0;
    std::uint64_t lost = 0;
    std::uint64_t wire_bytes = 0;  // of full and delta frames as they came
    std::uint64_t text_bytes = 0;  // of the messages that they made
  };

  DeltaReader() : DeltaReader(Limits()) {}
  explicit DeltaReader(Limits limits) : limits_(limits), parser_(limits.text_bytes_max * 2) {}

  Result take(std::string_view frame);
  // The channel was left: what is held of it is of no use, and deltas that are still on their way
  // are dropped until a subscription starts again.
  void leave(const std::string& channel);
  const Counts& counts() const { return counts_; }
  std::size_t held_bytes() const { return held_bytes_; }

 private:
  struct Held {
    std::string channel;
    std::string key;
    std::uint64_t number = 0;
    std::string text;
  };
  using Place = std::list<Held>::iterator;
  struct Delta;

  Result take_full(std::string_view frame, std::size_t tail);
  Result take_delta(std::string_view frame, const Delta& delta);
  void take_sync(const std::string& channel, const json::Value& data);
  Result lose(std::string channel, std::string why);
  void forget(const std::string& channel);
  void hold(Held held);
  void drop(Place place);
  const Held* find(const std::string& channel, const std::string& key, std::uint64_t number);

  const Limits limits_;
  json::Parser parser_;
  std::list<Held> held_;                                   // the longest unused first
  base::TextMap<base::TextMap<std::list<Place>>> chains_;  // by channel and key, the oldest first
  std::size_t held_bytes_ = 0;
  enum class Waiting : std::uint8_t { kLeft, kAsked };
  base::TextMap<Waiting> waiting_;  // channels whose deltas are of no use until a start
  std::optional<delta::Algorithm> confirmed_;
  Counts counts_;
};

}  // namespace mr::client
