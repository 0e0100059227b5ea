#pragma once

#include <cstdint>
#include <string_view>

namespace mr::ws {

// What a peer can do wrong within the framing protocol (RFC 6455 sections 5, 7.4 and 8.1).
enum class Errc : std::uint8_t {
  kReservedBits,            // RSV1-3 without a negotiated extension
  kReservedOpcode,          // 3-7, 11-15
  kControlFragmented,       // a control frame without FIN
  kControlTooLong,          // a control frame of more than 125 bytes
  kUnexpectedContinuation,  // a continuation and no message begun
  kUnfinishedMessage,       // a new message before the last one ended
  kMaskMissing,             // a client must mask
  kMaskUnexpected,          // a server must not
  kLengthNotMinimal,
  kLengthTopBit,   // the 64-bit length is over 2^63 - 1
  kClosePayload,   // a close frame of one byte
  kCloseCode,      // not allowed on the wire
  kInvalidUtf8,    // in a text message or a close reason
  kMessageTooBig,  // over ReceiverOptions::message_bytes_max
};

// The status code of the close frame that answers the violation: 1002, 1007 or 1009.
std::uint16_t close_code(Errc error);

// One sentence for a close reason or a log line: at most 123 bytes, safe for the world.
std::string_view describe(Errc error);

}  // namespace mr::ws
