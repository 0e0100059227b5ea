#include "pusher/decode.h"

#include <utility>

#include "pusher/delta_request.h"

namespace mr::pusher {
namespace {

using Decoded = base::Result<ClientEvent, Errc>;

base::Error<Errc> refuse(Errc code, std::string_view event, std::string_view remedy) {
  std::string detail(event.empty() ? std::string_view("the frame") : event);
  detail += ": ";
  detail += describe(code);
  detail += "; ";
  detail += remedy;
  return {code, std::move(detail)};
}

// What a frame says; views live until the parser's next text.
struct Envelope {
  std::optional<json::Value> event;
  std::optional<json::Value> channel;
  std::optional<json::Value> data;
};

Envelope open(const json::Value& root) {
  Envelope envelope;
  root.for_each_member([&](std::string_view name, const json::Value& value) {
    std::optional<json::Value>* slot = name == "event"     ? &envelope.event
                                       : name == "channel" ? &envelope.channel
                                       : name == "data"    ? &envelope.data
                                                           : nullptr;
    if (slot != nullptr && !slot->has_value()) *slot = value;
  });
  return envelope;
}

// `data` may be an object or a JSON string of one. After a string all earlier views are gone.
std::optional<json::Value> open_data(json::Parser& parser, const std::optional<json::Value>& data) {
  if (!data) return std::nullopt;
  if (data->is_object()) return data;
  const auto text = data->as_string();
  if (!text) return std::nullopt;
  const std::string inner(*text);
  const auto read = parser.parse(inner);
  if (!read || !read.value().is_object()) return std::nullopt;
  return read.value();
}

// Absent and null are one thing: old clients send null for what they do not have.
std::optional<json::Value> given(const json::Value& object, std::string_view name) {
  auto value = object.member(name);
  if (value && value->is_null()) value.reset();
  return value;
}

// A text, or an object that a client forgot to stringify.
std::optional<std::string> text_or_object(const json::Value& value) {
  if (value.is_object()) return std::string(value.raw());
  const auto text = value.as_string();
  if (!text) return std::nullopt;
  return std::string(*text);
}

Decoded decode_subscribe(const std::optional<json::Value>& data) {
  constexpr std::string_view kEvent = "pusher:subscribe";
  constexpr std::string_view kRemedy =
      "send \"data\":{\"channel\":\"name\",\"auth\":\"key:signature\",\"channel_data\":\"...\"}";
  if (!data) return refuse(Errc::kDataShape, kEvent, kRemedy);
  const auto channel = data->member("channel");
  const auto name = channel ? channel->as_string() : std::nullopt;
  if (!name) return refuse(Errc::kChannelMissing, kEvent, kRemedy);
  Subscribe subscribe{std::string(*name), {}, {}, {}, {}};
  if (const auto auth = given(*data, "auth")) {
    const auto text = auth->as_string();
    if (!text) return refuse(Errc::kDataShape, kEvent, kRemedy);
    subscribe.auth = *text;
  }
  if (const auto channel_data = given(*data, "channel_data")) {
    subscribe.channel_data = text_or_object(*channel_data);
    if (!subscribe.channel_data) return refuse(Errc::kDataShape, kEvent, kRemedy);
  }
  if (const auto delta = given(*data, "delta")) {
    subscribe.delta = read_delta_wish(*delta);
    if (!subscribe.delta) {
      return refuse(Errc::kDataShape, kEvent,
                    "send \"delta\":true, \"delta\":\"fossil\" or "
                    "\"delta\":{\"enabled\":true,\"algorithm\":\"fossil\"}");
    }
  }
  const auto gaps = given(*data, "gaps");
  subscribe.wants_gaps = gaps && gaps->as_bool().value_or(false);
  for (const std::string_view member : {"filter", "tags_filter"}) {
    const auto filter = given(*data, member);
    if (filter && subscribe.filter.empty()) subscribe.filter = filter->raw();
  }
  return ClientEvent(std::move(subscribe));
}

// Empty: there is none.
std::string read_channel_name(json::Parser& parser, const std::optional<json::Value>& data) {
  const auto bare = data ? data->as_string() : std::nullopt;
  std::string name(bare.value_or(std::string_view()));
  if (const auto object = open_data(parser, data)) {
    const auto channel = object->member("channel");
    name = channel ? channel->as_string().value_or(std::string_view()) : std::string_view();
  }
  return name;
}

// An event that is only about a channel.
template <class Event>
Decoded decode_named(std::string_view event, std::string channel) {
  if (!channel.empty()) return ClientEvent(Event{std::move(channel)});
  return refuse(Errc::kChannelMissing, event, "send \"data\":{\"channel\":\"name\"}");
}

Decoded decode_enable_delta(json::Parser& parser, const std::optional<json::Value>& data) {
  const auto text = data ? data->as_string() : std::nullopt;
  const bool is_absent = !data || data->is_null() || (text && text->empty());
  if (is_absent) return ClientEvent(EnableDelta{});
  const auto object = open_data(parser, data);
  const auto asked = object ? read_delta_switch(*object) : std::nullopt;
  if (asked) return ClientEvent(EnableDelta{*asked});
  return refuse(Errc::kDataShape, "pusher:enable_delta_compression",
                "send \"data\":{} or \"data\":{\"algorithms\":[\"fossil\",\"xdelta3\"]}");
}

Decoded decode_signin(const std::optional<json::Value>& data) {
  constexpr std::string_view kRemedy =
      "send \"data\":{\"auth\":\"key:signature\",\"user_data\":\"{\\\"id\\\":...}\"}";
  const auto auth = data ? data->member("auth") : std::nullopt;
  const auto signature = auth ? auth->as_string() : std::nullopt;
  const auto user = data ? data->member("user_data") : std::nullopt;
  auto user_data = user ? text_or_object(*user) : std::nullopt;
  if (!signature || !user_data) return refuse(Errc::kDataShape, "pusher:signin", kRemedy);
  return ClientEvent(Signin{std::string(*signature), std::move(*user_data)});
}

Decoded decode_client_message(std::string_view event, const Envelope& envelope) {
  const auto channel = envelope.channel ? envelope.channel->as_string() : std::nullopt;
  if (!channel) {
    return refuse(Errc::kChannelMissing, event, "a client event needs \"channel\":\"name\"");
  }
  ClientMessage message{std::string(event), std::string(*channel), {}};
  if (envelope.data) message.data = envelope.data->raw();
  return ClientEvent(std::move(message));
}

bool cut(std::string_view& rest, std::string_view prefix) {
  if (!rest.starts_with(prefix)) return false;
  rest.remove_prefix(prefix.size());
  return true;
}

}  // namespace

Decoded decode(json::Parser& parser, std::string_view frame) {
  const auto read = parser.parse(frame);
  if (!read) {
    return base::Error<Errc>{Errc::kNotJson, "the frame: " + read.error().detail +
                                                 "; send {\"event\":...,\"data\":...}"};
  }
  if (!read.value().is_object()) {
    return refuse(Errc::kNotAnObject, {}, "send {\"event\":...,\"data\":...}");
  }
  const Envelope envelope = open(read.value());
  const std::string_view event = envelope.event
                                     ? envelope.event->as_string().value_or(std::string_view())
                                     : std::string_view();
  if (event.empty()) {
    return refuse(Errc::kEventMissing, {}, "send {\"event\":\"pusher:subscribe\",\"data\":...}");
  }
  if (event.starts_with("client-")) return decode_client_message(event, envelope);
  std::string_view name = event;
  if (cut(name, "pusher:") || cut(name, "sockudo:")) {
    if (name == "ping") return ClientEvent(Ping{});
    if (name == "pong") return ClientEvent(Pong{});
    if (name == "subscribe") return decode_subscribe(open_data(parser, envelope.data));
    if (name == "unsubscribe") {
      return decode_named<Unsubscribe>("pusher:unsubscribe",
                                       read_channel_name(parser, envelope.data));
    }
    if (name == "signin") return decode_signin(open_data(parser, envelope.data));
    if (name == "enable_delta_compression") return decode_enable_delta(parser, envelope.data);
    if (name == "delta_sync_error") {
      return decode_named<DeltaSyncError>("pusher:delta_sync_error",
                                          read_channel_name(parser, envelope.data));
    }
  }
  return ClientEvent(UnknownEvent{std::string(event)});
}

}  // namespace mr::pusher
