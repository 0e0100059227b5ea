#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "ws/errc.h"
#include "ws/mask.h"

namespace mr::ws {

// RFC 6455 5.2.
enum class Opcode : std::uint8_t {
  kContinuation = 0,
  kText = 1,
  kBinary = 2,
  kClose = 8,
  kPing = 9,
  kPong = 10,
};

inline constexpr std::size_t kHeaderBytesMax = 14;
inline constexpr std::size_t kControlBytesMax = 125;
inline constexpr std::size_t kCloseReasonBytesMax = 123;

constexpr bool is_control(Opcode opcode) { return static_cast<std::uint8_t>(opcode) >= 8; }

// Which end of the connection this is: a server reads masked frames and writes bare ones.
enum class Role : std::uint8_t { kServer, kClient };

// Writes the header and returns its length (2 to 14 bytes). `key` only in frames of a client; the
// caller masks the payload.
std::size_t write_header(std::span<std::byte, kHeaderBytesMax> out, Opcode opcode, bool fin,
                         std::uint64_t payload_bytes, std::optional<MaskKey> key = std::nullopt);

// Whole unfragmented frames of a server.
std::string frame(Opcode opcode, std::string_view payload);
std::string text_frame(std::string_view payload);
// The reason is cut at a character boundary to fit 123 bytes.
// What stands before the payload in text_frame().
std::string text_head(std::size_t payload_bytes);
std::string close_frame(std::uint16_t code, std::string_view reason = {});

// The same for a client. `key` must be fresh and unpredictable for each frame (RFC 6455 5.3).
std::string masked_frame(Opcode opcode, std::string_view payload, MaskKey key);
std::string masked_close_frame(std::uint16_t code, std::string_view reason, MaskKey key);

// A code that may appear in a close frame (RFC 6455 7.4 and the registry): 1000-1003, 1007-1014,
// 3000-4999.
bool is_close_code_on_wire(std::uint16_t code);

struct FrameHeader {
  Opcode opcode = Opcode::kContinuation;
  bool fin = false;
  bool masked = false;
  std::uint8_t header_bytes = 0;
  MaskKey key{};
  std::uint64_t payload_bytes = 0;
};

struct NeedMore {};

// Reads a header from the beginning of `bytes`; `in_message`: a fragmented message is not at its
// end. A violation is reported with the first byte that proves it, so a stream cut anywhere gives
// the same answer.
std::variant<FrameHeader, NeedMore, Errc> read_header(std::span<const std::byte> bytes, Role role,
                                                      bool in_message);

}  // namespace mr::ws
