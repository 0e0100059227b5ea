#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "delta/form_class.h"
#include "model/message.h"

namespace mr::hub {

// An answer of the home loop. It takes its place in the subscriber's stream: after every entry
// that came before it, before all that follow.
struct Mark {
  std::uint32_t at = 0;      // number of the log entry that it stands before
  bool is_start = false;     // else a filter that takes effect
  std::uint32_t filter = 0;  // its id from here on
  std::uint64_t joined = 0;  // bases below this number do not count as received
  model::MessageRef sync;    // what the subscriber is told at a start; null: nothing
};
struct Marks {
  std::vector<Mark> list;
  std::uint32_t next = 0;  // those before it have been passed
};

// What one subscription hears and what it really was given, where that is more than everything in
// plain frames. A few bytes: the texts are the channel's.
struct Track {
  static constexpr std::uint32_t kNoFilter = UINT32_MAX;
  using Behind = std::vector<std::uint64_t>;

  std::uint64_t joined = 0;        // bases below this number it does not hold
  std::unique_ptr<Behind> behind;  // a bit per chain: its last message was left out; null: none
  std::unique_ptr<Marks> marks;    // null: none wait for their place
  std::uint32_t filter = kNoFilter;
  std::uint16_t pending = 0;  // starts that were asked for and have no place yet
  std::uint8_t form_class = delta::FormClass::kNone;
  std::uint8_t counted_class = delta::FormClass::kNone;  // by the home loop

  // Deltas may be sent; while a start is on its way everything is plain.
  bool is_live() const;
  bool is_behind(std::uint32_t slot) const {
    return behind && slot / 64 < behind->size() && ((*behind)[slot / 64] >> (slot % 64) & 1) != 0;
  }
  void set_behind(std::uint32_t slot, bool value);
  // Of all that was before, nothing counts as received.
  void join(std::uint64_t number) {
    joined = number;
    behind.reset();
  }
};
static_assert(sizeof(Track) <= 40, "a subscription with deltas costs little");

// Why a frame was chosen, in the order in which it is tested.
enum class Reason : std::uint8_t {
  kPlain,   // outside the chains, or no deltas wanted
  kFirst,   // the chain has no base
  kDue,     // full for everybody
  kJoined,  // the base was before this subscriber's start
  kFilter,  // the subscriber's filter hid the base
  kBehind,  // the base was left out for it
  kSize,    // a delta is not shorter
  kDelta,
};
struct Choice {
  Reason reason = Reason::kPlain;
  model::Form form = model::kPlainForm;
};

// True when the track's filter lets the message through.
inline bool hears(const Track& track, const model::Message& message) {
  return track.filter == Track::kNoFilter || !message.entry ||
         message.entry->passes.test(track.filter);
}
// The frame for the next message that is written.
Choice choose(const Track& track, const model::Message& message);

}  // namespace mr::hub
