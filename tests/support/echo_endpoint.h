#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "ws/frame.h"
#include "ws/receiver.h"

namespace mr::test {

// A server that echoes messages, answers pings and closes by the rules, without a socket: bytes in,
// bytes out.
class EchoEndpoint final : private ws::Sink {
 public:
  explicit EchoEndpoint(std::size_t message_bytes_max)
      : receiver_(ws::Role::kServer, {.message_bytes_max = message_bytes_max}) {}

  void receive(std::span<std::byte> bytes) {
    if (!receiver_.status().is_open()) return;
    const ws::Status status = receiver_.consume(bytes, *this);
    if (status.state == ws::ReceiverState::kFailed) {
      output_ += ws::close_frame(ws::close_code(status.error), ws::describe(status.error));
    }
  }

  // What it wrote since the last call.
  std::string take_output() { return std::exchange(output_, {}); }
  // It sent a close frame and would close the stream behind it.
  bool is_closed() const { return !receiver_.status().is_open(); }

 private:
  bool on_text(std::string_view message) override { return answer(ws::Opcode::kText, message); }
  bool on_binary(std::string_view message) override { return answer(ws::Opcode::kBinary, message); }
  bool on_ping(std::string_view payload) override { return answer(ws::Opcode::kPong, payload); }
  bool on_pong(std::string_view) override { return true; }
  void on_close(std::optional<std::uint16_t> code, std::string_view) override {
    output_ += code ? ws::close_frame(*code) : ws::frame(ws::Opcode::kClose, {});
  }

  bool answer(ws::Opcode opcode, std::string_view payload) {
    output_ += ws::frame(opcode, payload);
    return true;
  }

  ws::Receiver receiver_;
  std::string output_;
};

}  // namespace mr::test
