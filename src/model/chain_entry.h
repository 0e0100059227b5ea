#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "model/bits.h"

namespace mr::model {

// What a message of a channel with filters or deltas carries beside its plain frame: which filters
// let it through, where it stands in its chain, and the other frames that some subscriber may get.
// A frame is chosen for each subscriber when its cursor passes the message.
struct ChainEntry {
  static constexpr std::uint32_t kOutside = UINT32_MAX;

  // A frame that makes this message from another one.
  struct Delta {
    std::uint64_t base = 0;  // number of that message
    std::uint8_t form_class = 0;
    std::string frame;
  };
  struct FilterStart {
    std::uint32_t filter = 0;
    std::uint64_t base = 0;
  };

  Bits passes;                        // filters that let it through
  Bits base_passes;                   // filters that let its base through
  std::uint64_t number = 0;           // the channel's sequence
  std::uint64_t base = 0;             // number of the message before it in the chain; 0: none
  std::uint32_t slot = kOutside;      // of the chain, among the channel's live ones
  std::uint32_t label = 0;            // what the metrics call the channel's settings
  bool is_due = false;                // full for everybody
  std::vector<FilterStart> last_for;  // unkeyed channels, ascending: the last message that passed
                                      // a filter which did not let the base through
  std::string head;                   // of the full frame; the plain text without its last byte
  std::string tail;                   // and this follow
  std::vector<Delta> deltas;          // ascending by base and class

  bool is_chained() const { return slot != kOutside; }
  // The base for a subscriber with this filter, when its filter did not let the chain's through.
  std::uint64_t last_passed(std::uint32_t filter) const {
    const auto at = std::lower_bound(
        last_for.begin(), last_for.end(), filter,
        [](const FilterStart& start, std::uint32_t id) { return start.filter < id; });
    return at == last_for.end() || at->filter != filter ? 0 : at->base;
  }
  // Index in `deltas`; its size when there is none.
  std::size_t find_delta(std::uint64_t from, std::uint8_t form_class) const {
    const auto at = std::lower_bound(
        deltas.begin(), deltas.end(), from, [form_class](const Delta& delta, std::uint64_t wanted) {
          return delta.base != wanted ? delta.base < wanted : delta.form_class < form_class;
        });
    const bool is_found = at != deltas.end() && at->base == from && at->form_class == form_class;
    return is_found ? static_cast<std::size_t>(at - deltas.begin()) : deltas.size();
  }
  std::size_t bytes() const {
    std::size_t sum = sizeof(ChainEntry) + passes.bytes() + base_passes.bytes() + head.size() +
                      tail.size() + last_for.size() * sizeof(FilterStart);
    for (const Delta& delta : deltas) sum += sizeof(Delta) + delta.frame.size();
    return sum;
  }
};

}  // namespace mr::model
