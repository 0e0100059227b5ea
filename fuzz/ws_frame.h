#pragma once

#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

#include "chunks.h"
#include "support/ws_oracle.h"
#include "support/ws_recording.h"
#include "ws/frame.h"

namespace mr::fuzz {

inline void require(bool holds) {
  if (!holds) std::abort();
}

// Every event survives being written by either side and read by the other.
inline void check_round_trip(const test::WsEvent& event) {
  constexpr ws::MaskKey kKey = {std::byte{1}, std::byte{0x80}, std::byte{0xFF}, std::byte{7}};
  std::string bare = ws::frame(event.kind, event.payload);
  std::string masked = ws::masked_frame(event.kind, event.payload, kKey);
  if (event.code) {
    bare = ws::close_frame(*event.code, event.payload);
    masked = ws::masked_close_frame(*event.code, event.payload, kKey);
  }
  const std::vector<test::WsEvent> expected = {event};
  const std::size_t bytes_max = event.payload.size();
  require(test::parse_ws(ws::Role::kClient, bytes_max, bare).events == expected);
  require(test::parse_ws(ws::Role::kServer, bytes_max, masked).events == expected);
}

// Parses the input whole and in pieces: the events are those of the oracle, and what is held stays
// under the limit, which is the second byte of the input (small, to be reached by few fragments).
inline void check_frames(ws::Role role, std::span<const std::uint8_t> input) {
  constexpr std::size_t kBlockBytes = 512;  // the receiver's own block and one control frame
  if (input.size() < 2) return;
  const std::size_t bytes_max = input[1];
  std::vector<std::uint8_t> cut_and_stream(input.begin(), input.end());
  cut_and_stream.erase(cut_and_stream.begin() + 1);
  Chunks chunks(cut_and_stream);
  const std::string stream(chunks.stream().begin(), chunks.stream().end());
  std::vector<std::size_t> cuts;
  std::size_t at = 0;
  while (!chunks.done()) {
    at += chunks.next().size();
    if (at < stream.size()) cuts.push_back(at);
  }
  const test::WsParse whole = test::parse_ws(role, bytes_max, stream);
  require(test::agrees(whole, test::WsOracle(role, bytes_max).read(stream)));
  if (whole.state == ws::ReceiverState::kFailed) {
    require(ws::describe(whole.error).size() <= ws::kCloseReasonBytesMax);
  }
  std::size_t peak = 0;
  require(test::parse_ws(role, bytes_max, stream, cuts, &peak) == whole);
  require(peak <= bytes_max + kBlockBytes);
  for (const test::WsEvent& event : whole.events) check_round_trip(event);
}

}  // namespace mr::fuzz
