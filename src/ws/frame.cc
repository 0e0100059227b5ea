#include "ws/frame.h"

#include <algorithm>
#include <cstring>

#include "base/assert.h"

namespace mr::ws {
namespace {

constexpr std::uint8_t kFinBit = 0x80;
constexpr std::uint8_t kReservedMask = 0x70;
constexpr std::uint8_t kOpcodeMask = 0x0F;
constexpr std::uint8_t kMaskBit = 0x80;
constexpr std::uint8_t kLengthMask = 0x7F;
constexpr std::uint8_t kLength16 = 126;
constexpr std::uint8_t kLength64 = 127;

bool is_known(std::uint8_t opcode) { return opcode <= 2 || (opcode >= 8 && opcode <= 10); }

std::uint8_t octet(std::span<const std::byte> bytes, std::size_t at) {
  return std::to_integer<std::uint8_t>(bytes[at]);
}

std::uint64_t read_big_endian(std::span<const std::byte> bytes) {
  std::uint64_t value = 0;
  for (std::byte b : bytes) value = value << 8 | std::to_integer<std::uint64_t>(b);
  return value;
}

void write_big_endian(std::byte* out, std::uint64_t value, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) {
    out[i] = static_cast<std::byte>(value >> (8 * (bytes - 1 - i)) & 0xFF);
  }
}

std::optional<Errc> check_first(std::uint8_t first, bool in_message) {
  const std::uint8_t opcode = first & kOpcodeMask;
  if ((first & kReservedMask) != 0) return Errc::kReservedBits;
  if (!is_known(opcode)) return Errc::kReservedOpcode;
  if (opcode >= 8 && (first & kFinBit) == 0) return Errc::kControlFragmented;
  if (opcode == 0 && !in_message) return Errc::kUnexpectedContinuation;
  if ((opcode == 1 || opcode == 2) && in_message) return Errc::kUnfinishedMessage;
  return std::nullopt;
}

std::optional<Errc> check_second(std::uint8_t second, Opcode opcode, Role role) {
  const bool masked = (second & kMaskBit) != 0;
  if (role == Role::kServer && !masked) return Errc::kMaskMissing;
  if (role == Role::kClient && masked) return Errc::kMaskUnexpected;
  if (is_control(opcode) && (second & kLengthMask) > kControlBytesMax) {
    return Errc::kControlTooLong;
  }
  return std::nullopt;
}

// 0, 2 or 8 bytes behind the first two.
std::size_t length_bytes(std::uint8_t length) {
  if (length == kLength16) return 2;
  return length == kLength64 ? 8 : 0;
}

std::string whole_frame(Opcode opcode, std::string_view payload, std::optional<MaskKey> key) {
  std::array<std::byte, kHeaderBytesMax> header;
  const std::size_t header_bytes = write_header(header, opcode, true, payload.size(), key);
  std::string out;
  out.reserve(header_bytes + payload.size());
  out.append(reinterpret_cast<const char*>(header.data()), header_bytes);
  out.append(payload);
  if (key) {
    auto bytes = std::as_writable_bytes(std::span(out));
    apply_mask(bytes.subspan(header_bytes), *key);
  }
  return out;
}

std::string close_payload(std::uint16_t code, std::string_view reason) {
  std::size_t length = std::min(reason.size(), kCloseReasonBytesMax);
  if (length < reason.size()) {
    while (length > 0 && (static_cast<unsigned char>(reason[length]) & 0xC0) == 0x80) --length;
  }
  std::string out;
  out.push_back(static_cast<char>(code >> 8));
  out.push_back(static_cast<char>(code & 0xFF));
  out.append(reason.substr(0, length));
  return out;
}

}  // namespace

std::size_t write_header(std::span<std::byte, kHeaderBytesMax> out, Opcode opcode, bool fin,
                         std::uint64_t payload_bytes, std::optional<MaskKey> key) {
  MR_ASSERT(!is_control(opcode) || (fin && payload_bytes <= kControlBytesMax),
            "a control frame is whole and at most 125 bytes");
  const std::uint8_t mask_bit = key ? kMaskBit : 0;
  std::size_t extra = 0;
  std::uint8_t length = static_cast<std::uint8_t>(payload_bytes & kLengthMask);
  if (payload_bytes > 0xFFFF) {
    extra = 8;
    length = kLength64;
  } else if (payload_bytes >= kLength16) {
    extra = 2;
    length = kLength16;
  }
  out[0] = static_cast<std::byte>((fin ? kFinBit : 0) | static_cast<std::uint8_t>(opcode));
  out[1] = static_cast<std::byte>(mask_bit | length);
  write_big_endian(out.data() + 2, payload_bytes, extra);
  if (!key) return 2 + extra;
  std::memcpy(out.data() + 2 + extra, key->data(), key->size());
  return 2 + extra + key->size();
}

std::string text_head(std::size_t payload_bytes) {
  std::array<std::byte, kHeaderBytesMax> header;
  const std::size_t bytes = write_header(header, Opcode::kText, true, payload_bytes);
  return {reinterpret_cast<const char*>(header.data()), bytes};
}

std::string frame(Opcode opcode, std::string_view payload) {
  return whole_frame(opcode, payload, std::nullopt);
}

std::string text_frame(std::string_view payload) { return frame(Opcode::kText, payload); }

std::string close_frame(std::uint16_t code, std::string_view reason) {
  return frame(Opcode::kClose, close_payload(code, reason));
}

std::string masked_frame(Opcode opcode, std::string_view payload, MaskKey key) {
  return whole_frame(opcode, payload, key);
}

std::string masked_close_frame(std::uint16_t code, std::string_view reason, MaskKey key) {
  return masked_frame(Opcode::kClose, close_payload(code, reason), key);
}

bool is_close_code_on_wire(std::uint16_t code) {
  if (code >= 3000) return code <= 4999;
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014);
}

std::variant<FrameHeader, NeedMore, Errc> read_header(std::span<const std::byte> bytes, Role role,
                                                      bool in_message) {
  if (bytes.empty()) return NeedMore{};
  const std::uint8_t first = octet(bytes, 0);
  if (const auto error = check_first(first, in_message)) return *error;
  FrameHeader header;
  header.fin = (first & kFinBit) != 0;
  header.opcode = static_cast<Opcode>(first & kOpcodeMask);

  if (bytes.size() < 2) return NeedMore{};
  const std::uint8_t second = octet(bytes, 1);
  if (const auto error = check_second(second, header.opcode, role)) return *error;
  header.masked = (second & kMaskBit) != 0;
  header.payload_bytes = second & kLengthMask;

  const std::size_t extra = length_bytes(second & kLengthMask);
  if (extra == 8 && bytes.size() > 2 && (octet(bytes, 2) & 0x80) != 0) return Errc::kLengthTopBit;
  if (bytes.size() < 2 + extra) return NeedMore{};
  if (extra != 0) {
    header.payload_bytes = read_big_endian(bytes.subspan(2, extra));
    const std::uint64_t smallest = extra == 2 ? kLength16 : 0x10000;
    if (header.payload_bytes < smallest) return Errc::kLengthNotMinimal;
  }
  const std::size_t key_bytes = header.masked ? header.key.size() : 0;
  if (bytes.size() < 2 + extra + key_bytes) return NeedMore{};
  if (header.masked) std::memcpy(header.key.data(), bytes.data() + 2 + extra, key_bytes);
  header.header_bytes = static_cast<std::uint8_t>(2 + extra + key_bytes);
  return header;
}

}  // namespace mr::ws
