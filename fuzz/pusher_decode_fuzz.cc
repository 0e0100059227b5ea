#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "pusher/decode.h"
#include "pusher/encode.h"

// A client event that is accepted goes out again as JSON, and decoding that gives the same event.

namespace pusher = mr::pusher;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  static mr::json::Parser parser(64 * 1024);
  const auto read =
      pusher::decode(parser, std::string_view(reinterpret_cast<const char*>(bytes), size));
  if (!read) {
    MR_ASSERT(!read.error().detail.empty(), "a refusal says why");
    return 0;
  }
  const auto* message = std::get_if<pusher::ClientMessage>(&read.value());
  if (message == nullptr || message->channel.empty()) return 0;
  const std::string wire =
      pusher::client_event(message->event, message->channel, message->data, R"("u")");
  const auto again = pusher::decode(parser, wire);
  if (!again) {
    // Escapes may make the copy longer than the parser takes; nothing else may be refused.
    MR_ASSERT(wire.size() > 64 * 1024, "what goes out is JSON");
    return 0;
  }
  const auto* copy = std::get_if<pusher::ClientMessage>(&again.value());
  MR_ASSERT(copy != nullptr && copy->event == message->event && copy->channel == message->channel &&
                copy->data == message->data,
            "bytes are kept");
  return 0;
}
