#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace mr::delta {

// Where a message stands to the chains of its channel.
enum class Place : std::uint8_t {
  kOutside,    // plain for everybody, and never the base of a delta
  kInside,     // numbered: a delta, or a full frame that becomes a base
  kNeverBase,  // numbered and full: decoders take members of their own out of its text, so what
               // they keep is not what was sent
};

struct Candidate {
  std::string_view event;
  std::string_view data;  // JSON text of the member; empty: there is none
  std::string_view text;  // the whole envelope
  bool is_client_event = false;
  std::optional<bool> wish;  // the publisher's `delta`: true lifts the smallest size
};

// Outside: data that JavaScript takes for false ("", 0, false, null), because decoders then hand
// out the envelope; events of the protocols' own prefixes, because decoders do not keep them;
// client events and data of less than `data_bytes_min` bytes, because a delta saves nothing.
// A decoder's member name stands above size and origin: such a text must be numbered.
Place place_of(const Candidate& candidate, std::size_t data_bytes_min);

// `__delta_seq` or `__conflation_key` occurs in the envelope or in the data, after \uXXXX is
// resolved in each.
bool has_member_text(std::string_view text, std::string_view data);

}  // namespace mr::delta
