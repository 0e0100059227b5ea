#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "ws/errc.h"
#include "ws/frame.h"

namespace mr::ws {

struct ReceiverOptions {
  std::size_t message_bytes_max = 64 * 1024;  // of one message, all its fragments together
};

// Where a Receiver puts what it read. Views are valid until the call returns. Text is valid UTF-8.
// Returning false stops the receiver for good (the connection is closing). A callback must not
// destroy the receiver or call consume().
class Sink {
 public:
  virtual ~Sink() = default;
  virtual bool on_text(std::string_view message) = 0;
  virtual bool on_binary(std::string_view message) = 0;
  virtual bool on_ping(std::string_view payload) = 0;
  virtual bool on_pong(std::string_view payload) = 0;
  // The last call. No code: the close frame was empty; answer with an empty one.
  virtual void on_close(std::optional<std::uint16_t> code, std::string_view reason) = 0;
};

enum class ReceiverState : std::uint8_t {
  kOpen,     // all bytes were taken, more may come
  kStopped,  // a callback returned false
  kClosed,   // on_close was called
  kFailed,   // the peer broke the protocol
};

struct Status {
  ReceiverState state = ReceiverState::kOpen;
  Errc error{};  // of kFailed
  bool is_open() const { return state == ReceiverState::kOpen; }
};

// Reads the frames of one connection (RFC 6455, no extensions). Pure: owns no socket, writes
// nothing. Owned by the connection, lives on its loop.
//
// A complete unfragmented frame is delivered from the caller's own bytes, without allocation. What
// is cut by the end of the bytes, and fragmented messages, wait in a block that is freed when
// nothing is pending: an idle receiver is 24 bytes.
//
// Never buffers more than message_bytes_max plus one control frame: the size is known from the
// header and refused there. Text is checked as it arrives, so bad UTF-8 fails before its end.
class Receiver {
 public:
  Receiver(Role role, ReceiverOptions options);
  ~Receiver();
  Receiver(Receiver&& other) noexcept;
  Receiver& operator=(Receiver&& other) noexcept;

  // `bytes` continue the stream where the last call ended and are unmasked in place. Once the
  // state is not kOpen it stays, and all bytes are ignored.
  Status consume(std::span<std::byte> bytes, Sink& sink);

  Status status() const { return status_; }
  // What is allocated now, 0 when idle.
  std::size_t buffered_bytes() const;

 private:
  struct Pending;

  std::size_t take_frame(std::span<std::byte> bytes, Sink& sink);
  std::size_t take_header_tail(std::span<std::byte> bytes);
  std::size_t take_payload(std::span<std::byte> bytes);
  bool in_message() const;
  bool fits(const FrameHeader& header) const;
  void begin_payload(const FrameHeader& header);
  void end_payload(Sink& sink);
  void finish_message(Sink& sink);
  void deliver_message(Opcode opcode, std::string_view message, Sink& sink);
  void deliver_control(Opcode opcode, std::string_view payload, Sink& sink);
  void deliver_close(std::string_view payload, Sink& sink);
  void fail(Errc error);
  Pending& pending();
  void free_if_idle();

  std::unique_ptr<Pending> pending_;
  std::size_t message_bytes_max_;
  Role role_;
  Status status_;
};

static_assert(sizeof(Receiver) <= 32);

}  // namespace mr::ws
