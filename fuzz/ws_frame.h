#pragma once

#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "chunks.h"
#include "support/ws_recording.h"
#include "ws/frame.h"

namespace mr::fuzz {

inline void require(bool holds) {
  if (!holds) std::abort();
}

// Parses the input whole and in pieces: the events are the same, what is held stays under the
// limit, and every event survives being written and read again.
inline void check_frames(ws::Role role, std::span<const std::uint8_t> input) {
  constexpr std::size_t kBytesMax = 2000;
  constexpr std::size_t kBlockBytes = 512;  // the receiver's own block and one control frame
  Chunks chunks(input);
  const std::string stream(chunks.stream().begin(), chunks.stream().end());
  std::vector<std::size_t> cuts;
  std::size_t at = 0;
  while (!chunks.done()) {
    at += chunks.next().size();
    if (at < stream.size()) cuts.push_back(at);
  }
  const test::WsParse whole = test::parse_ws(role, kBytesMax, stream);
  std::size_t peak = 0;
  require(test::parse_ws(role, kBytesMax, stream, cuts, &peak) == whole);
  require(peak <= kBytesMax + kBlockBytes);

  for (const test::WsEvent& event : whole.events) {
    const ws::MaskKey key = {std::byte{1}, std::byte{0x80}, std::byte{0xFF}, std::byte{7}};
    std::string payload = event.payload;
    if (event.code) {
      payload.insert(0, {static_cast<char>(*event.code >> 8), static_cast<char>(*event.code)});
    }
    const std::string again = role == ws::Role::kServer ? ws::masked_frame(event.kind, payload, key)
                                                        : ws::frame(event.kind, payload);
    const test::WsParse read = test::parse_ws(role, kBytesMax, again);
    require(read.events.size() == 1 && read.events[0] == event);
  }
}

}  // namespace mr::fuzz
