#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ws/frame.h"
#include "ws/receiver.h"

namespace mr::test {

// What a ws::Receiver reported, with owned payloads.
struct WsEvent {
  ws::Opcode kind = ws::Opcode::kText;
  std::string payload;                     // of a close: the reason
  std::optional<std::uint16_t> code = {};  // of a close
  bool operator==(const WsEvent&) const = default;
};

// Keeps every event. Stops the receiver after `stop_after` events if that is given.
class RecordingSink final : public ws::Sink {
 public:
  bool on_text(std::string_view message) override { return add(ws::Opcode::kText, message); }
  bool on_binary(std::string_view message) override { return add(ws::Opcode::kBinary, message); }
  bool on_ping(std::string_view payload) override { return add(ws::Opcode::kPing, payload); }
  bool on_pong(std::string_view payload) override { return add(ws::Opcode::kPong, payload); }
  void on_close(std::optional<std::uint16_t> code, std::string_view reason) override {
    events.push_back({ws::Opcode::kClose, std::string(reason), code});
  }

  std::vector<WsEvent> events;
  std::optional<std::size_t> stop_after;

 private:
  bool add(ws::Opcode kind, std::string_view payload) {
    events.push_back({kind, std::string(payload), {}});
    return !stop_after || events.size() < *stop_after;
  }
};

// All that can be known of a parse, for comparing two of them.
struct WsParse {
  std::vector<WsEvent> events;
  ws::ReceiverState state = ws::ReceiverState::kOpen;
  ws::Errc error{};
  bool operator==(const WsParse&) const = default;
};

// Gives `stream` to a fresh receiver in pieces that end at the positions `cuts` (ascending). Each
// piece is its own allocation, so that a sanitizer sees any step beyond it. `peak_bytes` gets the
// most that the receiver held between pieces.
inline WsParse parse_ws(ws::Role role, std::size_t bytes_max, std::string_view stream,
                        const std::vector<std::size_t>& cuts = {},
                        std::size_t* peak_bytes = nullptr) {
  RecordingSink sink;
  ws::Receiver receiver(role, {.message_bytes_max = bytes_max});
  std::size_t at = 0;
  const auto give = [&](std::size_t end) {
    std::vector<char> piece(stream.begin() + static_cast<std::ptrdiff_t>(at),
                            stream.begin() + static_cast<std::ptrdiff_t>(end));
    receiver.consume(std::as_writable_bytes(std::span(piece)), sink);
    if (peak_bytes && receiver.buffered_bytes() > *peak_bytes) {
      *peak_bytes = receiver.buffered_bytes();
    }
    at = end;
  };
  for (std::size_t cut : cuts) give(cut);
  give(stream.size());
  const ws::Status status = receiver.status();
  return {std::move(sink.events), status.state, status.error};
}

inline std::vector<std::size_t> every_cut(std::size_t bytes) {
  std::vector<std::size_t> cuts;
  for (std::size_t i = 1; i < bytes; ++i) cuts.push_back(i);
  return cuts;
}

}  // namespace mr::test
