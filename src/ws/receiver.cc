#include "ws/receiver.h"

#include <algorithm>
#include <cstring>
#include <utility>
#include <variant>
#include <vector>

#include "base/assert.h"
#include "ws/utf8.h"

namespace mr::ws {
namespace {

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// The first allocation for a message in pieces; more comes as bytes arrive, so that a header alone
// cannot make us allocate what it announces.
constexpr std::size_t kFirstReserveBytes = 1024;

// Doubles, but never past `bytes_max`: vector alone would go up to twice of it.
void append(std::vector<std::byte>& to, std::span<const std::byte> bytes, std::size_t bytes_max) {
  const std::size_t needed = to.size() + bytes.size();
  if (needed > to.capacity()) {
    const std::size_t doubled = std::max(2 * to.capacity(), kFirstReserveBytes);
    to.reserve(std::clamp(doubled, needed, bytes_max));
  }
  to.insert(to.end(), bytes.begin(), bytes.end());
}

}  // namespace

// What outlives one consume(): a header in pieces, a frame whose payload is in pieces, a message
// in fragments. Exists only while one of the three does.
struct Receiver::Pending {
  std::array<std::byte, kHeaderBytesMax> header;
  std::uint8_t header_bytes = 0;

  bool in_payload = false;
  FrameHeader frame;
  std::uint64_t payload_seen = 0;

  bool in_message = false;  // a data frame without FIN came, its last continuation did not
  Opcode message_opcode = Opcode::kText;
  Utf8Validator utf8;
  std::vector<std::byte> message;
  std::array<std::byte, kControlBytesMax> control;

  bool has_whole_payload() const { return in_payload && payload_seen == frame.payload_bytes; }
  bool is_idle() const { return header_bytes == 0 && !in_payload && !in_message; }
};

Receiver::Receiver(Role role, ReceiverOptions options)
    : message_bytes_max_(options.message_bytes_max), role_(role) {}
Receiver::~Receiver() = default;
Receiver::Receiver(Receiver&& other) noexcept = default;
Receiver& Receiver::operator=(Receiver&& other) noexcept = default;

Status Receiver::consume(std::span<std::byte> bytes, Sink& sink) {
  while (!bytes.empty() && status_.is_open()) {
    std::size_t used = 0;
    if (pending_ && pending_->in_payload) {
      used = take_payload(bytes);
    } else if (pending_ && pending_->header_bytes != 0) {
      used = take_header_tail(bytes);
    } else {
      used = take_frame(bytes, sink);
    }
    bytes = bytes.subspan(used);
    if (pending_ && pending_->has_whole_payload()) end_payload(sink);
  }
  if (!status_.is_open()) {
    pending_.reset();
  } else {
    free_if_idle();
  }
  return status_;
}

std::size_t Receiver::buffered_bytes() const {
  return pending_ ? sizeof(Pending) + pending_->message.capacity() : 0;
}

// At a frame boundary, with the header not yet looked at.
std::size_t Receiver::take_frame(std::span<std::byte> bytes, Sink& sink) {
  const auto read = read_header(bytes, role_, in_message());
  if (const Errc* error = std::get_if<Errc>(&read)) {
    fail(*error);
    return bytes.size();
  }
  if (std::holds_alternative<NeedMore>(read)) {
    Pending& p = pending();
    MR_ASSERT(bytes.size() < kHeaderBytesMax, "14 bytes hold any header");
    std::memcpy(p.header.data(), bytes.data(), bytes.size());
    p.header_bytes = static_cast<std::uint8_t>(bytes.size());
    return bytes.size();
  }
  const FrameHeader& header = std::get<FrameHeader>(read);
  if (!fits(header)) {
    fail(Errc::kMessageTooBig);
    return bytes.size();
  }
  const auto rest = bytes.subspan(header.header_bytes);
  const bool in_fragments = header.opcode == Opcode::kContinuation || !header.fin;
  if (in_fragments || rest.size() < header.payload_bytes) {
    begin_payload(header);
    return header.header_bytes;
  }
  const auto payload = rest.first(static_cast<std::size_t>(header.payload_bytes));
  if (header.masked) apply_mask(payload, header.key);
  if (is_control(header.opcode)) {
    deliver_control(header.opcode, as_text(payload), sink);
  } else if (header.opcode == Opcode::kText && !is_valid_utf8(as_text(payload))) {
    fail(Errc::kInvalidUtf8);
  } else {
    deliver_message(header.opcode, as_text(payload), sink);
  }
  return header.header_bytes + payload.size();
}

// Within a header whose beginning came earlier.
std::size_t Receiver::take_header_tail(std::span<std::byte> bytes) {
  Pending& p = pending();
  const std::size_t had = p.header_bytes;
  const std::size_t taken = std::min(bytes.size(), kHeaderBytesMax - had);
  std::memcpy(p.header.data() + had, bytes.data(), taken);
  const auto read = read_header(std::span(p.header).first(had + taken), role_, in_message());
  if (const Errc* error = std::get_if<Errc>(&read)) {
    fail(*error);
    return bytes.size();
  }
  if (std::holds_alternative<NeedMore>(read)) {
    p.header_bytes = static_cast<std::uint8_t>(had + taken);
    return taken;
  }
  const FrameHeader& header = std::get<FrameHeader>(read);
  if (!fits(header)) {
    fail(Errc::kMessageTooBig);
    return bytes.size();
  }
  p.header_bytes = 0;
  begin_payload(header);
  return header.header_bytes - had;
}

bool Receiver::in_message() const { return pending_ && pending_->in_message; }

bool Receiver::fits(const FrameHeader& header) const {
  if (is_control(header.opcode)) return true;
  const std::size_t so_far = in_message() ? pending_->message.size() : 0;
  return header.payload_bytes <= message_bytes_max_ - so_far;
}

void Receiver::begin_payload(const FrameHeader& header) {
  Pending& p = pending();
  p.in_payload = true;
  p.frame = header;
  p.payload_seen = 0;
  if (is_control(header.opcode)) return;
  if (header.opcode != Opcode::kContinuation) {
    p.message_opcode = header.opcode;
    p.utf8.reset();
    p.message.clear();
  }
  p.in_message = !header.fin;
}

std::size_t Receiver::take_payload(std::span<std::byte> bytes) {
  Pending& p = pending();
  const std::uint64_t missing = p.frame.payload_bytes - p.payload_seen;
  const auto piece =
      bytes.first(static_cast<std::size_t>(std::min<std::uint64_t>(missing, bytes.size())));
  const auto seen = static_cast<std::size_t>(p.payload_seen);
  if (p.frame.masked) apply_mask(piece, p.frame.key, seen);
  p.payload_seen += piece.size();
  if (is_control(p.frame.opcode)) {
    std::copy(piece.begin(), piece.end(), p.control.begin() + static_cast<std::ptrdiff_t>(seen));
  } else if (p.message_opcode == Opcode::kText && !p.utf8.feed(as_text(piece))) {
    fail(Errc::kInvalidUtf8);
  } else {
    // The last frame tells the size of the whole; before it only the limit is known.
    const std::size_t bytes_max =
        p.frame.fin ? p.message.size() + static_cast<std::size_t>(missing) : message_bytes_max_;
    append(p.message, piece, bytes_max);
  }
  return piece.size();
}

void Receiver::end_payload(Sink& sink) {
  if (!status_.is_open()) return;
  Pending& p = pending();
  p.in_payload = false;
  if (is_control(p.frame.opcode)) {
    const auto size = static_cast<std::size_t>(p.frame.payload_bytes);
    deliver_control(p.frame.opcode, as_text(std::span(p.control).first(size)), sink);
  } else if (p.frame.fin) {
    finish_message(sink);
  }
}

void Receiver::finish_message(Sink& sink) {
  Pending& p = pending();
  if (p.message_opcode == Opcode::kText && !p.utf8.is_complete()) {
    fail(Errc::kInvalidUtf8);
    return;
  }
  const std::vector<std::byte> message = std::exchange(p.message, {});
  deliver_message(p.message_opcode, as_text(message), sink);
}

void Receiver::deliver_message(Opcode opcode, std::string_view message, Sink& sink) {
  const bool go_on = opcode == Opcode::kText ? sink.on_text(message) : sink.on_binary(message);
  if (!go_on) status_.state = ReceiverState::kStopped;
}

void Receiver::deliver_control(Opcode opcode, std::string_view payload, Sink& sink) {
  if (opcode == Opcode::kClose) {
    deliver_close(payload, sink);
    return;
  }
  const bool go_on = opcode == Opcode::kPing ? sink.on_ping(payload) : sink.on_pong(payload);
  if (!go_on) status_.state = ReceiverState::kStopped;
}

void Receiver::deliver_close(std::string_view payload, Sink& sink) {
  if (payload.size() == 1) return fail(Errc::kClosePayload);
  std::optional<std::uint16_t> code;
  std::string_view reason;
  if (!payload.empty()) {
    const auto high = static_cast<unsigned char>(payload[0]);
    const auto low = static_cast<unsigned char>(payload[1]);
    code = static_cast<std::uint16_t>(high << 8 | low);
    reason = payload.substr(2);
    if (!is_close_code_on_wire(*code)) return fail(Errc::kCloseCode);
    if (!is_valid_utf8(reason)) return fail(Errc::kInvalidUtf8);
  }
  status_.state = ReceiverState::kClosed;
  sink.on_close(code, reason);
}

void Receiver::fail(Errc error) { status_ = {ReceiverState::kFailed, error}; }

Receiver::Pending& Receiver::pending() {
  if (!pending_) pending_ = std::make_unique<Pending>();
  return *pending_;
}

void Receiver::free_if_idle() {
  if (pending_ && pending_->is_idle()) pending_.reset();
}

}  // namespace mr::ws
