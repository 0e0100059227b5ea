#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "support/utf8_oracle.h"
#include "support/ws_recording.h"
#include "ws/frame.h"

namespace mr::test {

// The slow truth about a WebSocket stream: reads it whole, frame by frame, straight from RFC 6455
// section 5, with nothing of the code under test but its names.
class WsOracle {
 public:
  WsOracle(ws::Role role, std::size_t bytes_max) : role_(role), bytes_max_(bytes_max) {}

  struct Verdict {
    std::vector<WsEvent> events;
    int close_code = 0;  // of a failure, else 0
    bool closed = false;
  };

  Verdict read(std::string_view stream) {
    rest_ = stream;
    while (!rest_.empty() && verdict_.close_code == 0 && !verdict_.closed) {
      if (!read_frame()) break;
    }
    return std::move(verdict_);
  }

 private:
  std::uint64_t octet(std::size_t at) const { return static_cast<unsigned char>(rest_[at]); }

  bool fail(int code) {
    verdict_.close_code = code;
    return false;
  }

  // False when the stream ends within the frame or is wrong.
  bool read_frame() {
    const bool fin = octet(0) >= 0x80;
    const int opcode = static_cast<int>(octet(0) % 16);
    const bool control = opcode >= 8;
    if (octet(0) / 16 % 8 != 0) return fail(1002);
    if ((opcode > 2 && opcode < 8) || opcode > 10) return fail(1002);
    if (control && !fin) return fail(1002);
    if (!control && (opcode == 0) != in_message_) return fail(1002);
    if (rest_.size() < 2) return false;
    const bool masked = octet(1) >= 0x80;
    std::uint64_t length = octet(1) % 128;
    if (masked != (role_ == ws::Role::kServer)) return fail(1002);
    if (control && length > 125) return fail(1002);

    const std::size_t extra = length == 126 ? 2 : length == 127 ? 8 : 0;
    if (extra == 8 && rest_.size() > 2 && octet(2) >= 0x80) return fail(1002);
    if (rest_.size() < 2 + extra) return false;
    if (extra != 0) {
      length = 0;
      for (std::size_t i = 0; i < extra; ++i) length = length * 256 + octet(2 + i);
      if (length <= (extra == 2 ? 125 : 65535)) return fail(1002);
    }
    const std::size_t header = 2 + extra + (masked ? 4 : 0);
    if (rest_.size() < header) return false;
    if (!control && length + message_.size() > bytes_max_) return fail(1009);

    const auto present = std::min<std::uint64_t>(length, rest_.size() - header);
    std::string payload(rest_.substr(header, static_cast<std::size_t>(present)));
    for (std::size_t i = 0; masked && i < payload.size(); ++i) {
      payload[i] = static_cast<char>(payload[i] ^ rest_[header - 4 + i % 4]);
    }
    const bool complete = payload.size() == length;
    rest_.remove_prefix(header + payload.size());
    return control ? complete && take_control(opcode, payload)
                   : take_piece({opcode, fin && complete, complete}, payload);
  }

  bool take_control(int opcode, const std::string& payload) {
    if (opcode != 8) {
      verdict_.events.push_back({static_cast<ws::Opcode>(opcode), payload, {}});
      return true;
    }
    if (payload.size() == 1) return fail(1002);
    WsEvent event{ws::Opcode::kClose, {}, {}};
    if (payload.size() >= 2) {
      const int code =
          static_cast<unsigned char>(payload[0]) * 256 + static_cast<unsigned char>(payload[1]);
      const bool known = (code >= 1000 && code <= 1014) && (code < 1004 || code > 1006);
      if (!known && (code < 3000 || code > 4999)) return fail(1002);
      event.code = static_cast<std::uint16_t>(code);
      event.payload = payload.substr(2);
      if (!decodes_as_utf8(event.payload)) return fail(1007);
    }
    verdict_.events.push_back(event);
    verdict_.closed = true;
    return true;
  }

  struct Piece {
    int opcode;
    bool last;
    bool complete;  // else the stream ends within it
  };

  bool take_piece(Piece piece, const std::string& payload) {
    if (piece.opcode != 0) message_opcode_ = static_cast<ws::Opcode>(piece.opcode);
    in_message_ = true;
    message_ += payload;
    if (message_opcode_ == ws::Opcode::kText &&
        !(piece.last ? decodes_as_utf8(message_) : begins_utf8(message_))) {
      return fail(1007);
    }
    if (!piece.last) return piece.complete;
    verdict_.events.push_back({message_opcode_, message_, {}});
    message_.clear();
    in_message_ = false;
    return true;
  }

  ws::Role role_;
  std::size_t bytes_max_;
  std::string_view rest_;
  bool in_message_ = false;
  ws::Opcode message_opcode_ = ws::Opcode::kText;
  std::string message_;
  Verdict verdict_;
};

// Whether a parse is what the oracle says.
inline bool agrees(const WsParse& parse, const WsOracle::Verdict& verdict) {
  const bool failed = parse.state == ws::ReceiverState::kFailed;
  return parse.events == verdict.events && failed == (verdict.close_code != 0) &&
         (!failed || ws::close_code(parse.error) == verdict.close_code) &&
         (parse.state == ws::ReceiverState::kClosed) == verdict.closed;
}

}  // namespace mr::test
