#include "ws/errc.h"

namespace mr::ws {

std::uint16_t close_code(Errc error) {
  switch (error) {
    case Errc::kInvalidUtf8:
      return 1007;
    case Errc::kMessageTooBig:
      return 1009;
    case Errc::kReservedBits:
    case Errc::kReservedOpcode:
    case Errc::kControlFragmented:
    case Errc::kControlTooLong:
    case Errc::kUnexpectedContinuation:
    case Errc::kUnfinishedMessage:
    case Errc::kMaskMissing:
    case Errc::kMaskUnexpected:
    case Errc::kLengthNotMinimal:
    case Errc::kLengthTopBit:
    case Errc::kClosePayload:
    case Errc::kCloseCode:
      break;
  }
  return 1002;
}

std::string_view describe(Errc error) {
  switch (error) {
    case Errc::kReservedBits:
      return "a reserved bit is set; no extension was agreed, send RSV1-3 as 0";
    case Errc::kReservedOpcode:
      return "reserved opcode; use 0-2 or 8-10";
    case Errc::kControlFragmented:
      return "fragmented control frame; send it with FIN set";
    case Errc::kControlTooLong:
      return "control frame over 125 bytes; shorten its payload";
    case Errc::kUnexpectedContinuation:
      return "continuation frame without a message; begin with opcode 1 or 2";
    case Errc::kUnfinishedMessage:
      return "new message inside a fragmented one; end it with FIN first";
    case Errc::kMaskMissing:
      return "frame without mask; clients must mask every frame";
    case Errc::kMaskUnexpected:
      return "masked frame from a server; servers must not mask";
    case Errc::kLengthNotMinimal:
      return "payload length not in its shortest form";
    case Errc::kLengthTopBit:
      return "payload length over 2^63 - 1; send smaller frames";
    case Errc::kClosePayload:
      return "close frame of 1 byte; send no payload or a 2-byte code";
    case Errc::kCloseCode:
      return "close code not allowed on the wire; use 1000 or 3000-4999";
    case Errc::kInvalidUtf8:
      return "text is not valid UTF-8; send other bytes as binary";
    case Errc::kMessageTooBig:
      return "message over the size limit; send smaller messages";
  }
  return "protocol error";
}

}  // namespace mr::ws
