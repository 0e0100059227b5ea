#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "pusher/decode.h"
#include "pusher/delta_request.h"
#include "pusher/encode.h"

// A client event that is accepted goes out again as JSON, and decoding that gives the same event.
// A filter is handed on as JSON, and what is asked of deltas is read the same from its plainest
// form.

namespace pusher = mr::pusher;

namespace {

std::string text_of(const mr::model::DeltaWish& wish) {
  std::string text = wish.enabled ? "{\"enabled\":true" : "{\"enabled\":false";
  if (wish.algorithm) {
    text += ",\"algorithm\":\"" + std::string(mr::model::wire_name(*wish.algorithm)) + "\"";
  }
  if (wish.crc) text += *wish.crc ? ",\"crc\":true" : ",\"crc\":false";
  if (wish.cache_sync) {
    const bool is_bases = *wish.cache_sync == mr::model::CacheSync::kBases;
    text += is_bases ? ",\"cache_sync\":\"bases\"" : ",\"cache_sync\":\"empty\"";
  }
  return text + "}";
}

void check_subscribe(const pusher::Subscribe& subscribe) {
  static mr::json::Parser again(64 * 1024);
  if (!subscribe.filter.empty()) MR_ASSERT(again.parse(subscribe.filter).ok(), "a filter is JSON");
  if (!subscribe.delta) return;
  const auto root = again.parse(text_of(*subscribe.delta));
  MR_ASSERT(pusher::read_delta_wish(root.value()) == subscribe.delta, "a wish has one meaning");
}

void check_enable(const pusher::EnableDelta& enable) {
  static mr::json::Parser again(64 * 1024);
  const auto& offer = enable.asked.offer;
  const auto first = offer ? offer->preferred() : std::nullopt;
  MR_ASSERT(!first || offer->has(*first), "the preferred one is offered");
  const auto root = again.parse(pusher::delta_compression_enabled(first, enable.asked.crc));
  const auto answer = root.value().member("data");
  MR_ASSERT(answer && answer->member("enabled")->as_bool() == first.has_value(), "the answer");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  static mr::json::Parser parser(64 * 1024);
  const auto read =
      pusher::decode(parser, std::string_view(reinterpret_cast<const char*>(bytes), size));
  if (!read) {
    MR_ASSERT(!read.error().detail.empty(), "a refusal says why");
    return 0;
  }
  if (const auto* subscribe = std::get_if<pusher::Subscribe>(&read.value())) {
    check_subscribe(*subscribe);
    return 0;
  }
  if (const auto* enable = std::get_if<pusher::EnableDelta>(&read.value())) {
    check_enable(*enable);
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
