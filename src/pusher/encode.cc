#include "pusher/encode.h"

#include "crypto/encoding.h"
#include "json/writer.h"

namespace mr::pusher {
namespace {

// Envelope members and their punctuation.
constexpr std::size_t kEnvelopeBytes = 64;

// {"event":..,"channel":..,"data":..,"user_id":..}; empty parts are left out.
std::string envelope(std::string_view event, std::string_view channel, std::string_view data_json,
                     std::string_view user_id_json = {}) {
  std::string out;
  out.reserve(event.size() + channel.size() + data_json.size() + user_id_json.size() +
              kEnvelopeBytes);
  json::Writer writer(out);
  writer.begin_object();
  writer.key("event");
  writer.string(event);
  if (!channel.empty()) {
    writer.key("channel");
    writer.string(channel);
  }
  if (!data_json.empty()) {
    writer.key("data");
    writer.raw(data_json);
  }
  if (!user_id_json.empty()) {
    writer.key("user_id");
    writer.raw(user_id_json);
  }
  writer.end_object();
  return out;
}

constexpr std::string_view kEmptyObject = R"("{}")";  // a JSON string of an empty object

std::string presence_object(std::span<const Member> members) {
  std::string out;
  json::Writer writer(out);
  writer.begin_object();
  writer.key("presence");
  writer.begin_object();
  writer.key("ids");
  writer.begin_array();
  for (const Member& member : members) writer.raw(member.user_id_json);
  writer.end_array();
  writer.key("hash");
  writer.begin_object();
  for (const Member& member : members) {
    writer.key(member.user_id);
    writer.raw(member.user_info_json.empty() ? std::string_view("null") : member.user_info_json);
  }
  writer.end_object();
  writer.key("count");
  writer.number(std::uint64_t{members.size()});
  writer.end_object();
  writer.end_object();
  return out;
}

}  // namespace

std::string connection_established(model::SocketId socket_id, std::uint32_t activity_timeout_s) {
  std::string data;
  json::Writer writer(data);
  writer.begin_object();
  writer.key("socket_id");
  writer.string(socket_id.to_string());
  writer.key("activity_timeout");
  writer.number(activity_timeout_s);
  writer.end_object();
  return envelope("pusher:connection_established", {}, json::quote(data));
}

std::string ping() { return envelope("pusher:ping", {}, {}); }

std::string pong() { return envelope("pusher:pong", {}, {}); }

std::string error(std::optional<int> code, std::string_view message) {
  std::string data;
  json::Writer writer(data);
  writer.begin_object();
  writer.key("code");
  if (code) {
    writer.number(*code);
  } else {
    writer.null();
  }
  writer.key("message");
  writer.string(message);
  writer.end_object();
  return envelope("pusher:error", {}, data);
}

std::string signin_success(std::string_view user_data) {
  std::string data;
  json::Writer writer(data);
  writer.begin_object();
  writer.key("user_data");
  writer.string(user_data);
  writer.end_object();
  return envelope("pusher:signin_success", {}, data);
}

std::string subscription_succeeded(std::string_view channel) {
  return envelope("pusher_internal:subscription_succeeded", channel, kEmptyObject);
}

std::string presence_subscription_succeeded(std::string_view channel,
                                            std::span<const Member> members) {
  return envelope("pusher_internal:subscription_succeeded", channel,
                  json::quote(presence_object(members)));
}

std::string subscription_error(std::string_view channel, std::string_view type,
                               std::string_view error, int status) {
  std::string data;
  json::Writer writer(data);
  writer.begin_object();
  writer.key("type");
  writer.string(type);
  writer.key("error");
  writer.string(error);
  writer.key("status");
  writer.number(status);
  writer.end_object();
  return envelope("pusher:subscription_error", channel, data);
}

std::string subscription_count(std::string_view channel, std::uint64_t count) {
  std::string data;
  json::Writer writer(data);
  writer.begin_object();
  writer.key("subscription_count");
  writer.number(count);
  writer.end_object();
  return envelope("pusher_internal:subscription_count", channel, json::quote(data));
}

std::string member_added(std::string_view channel, const Member& member) {
  std::string data;
  json::Writer writer(data);
  writer.begin_object();
  writer.key("user_id");
  writer.raw(member.user_id_json);
  if (!member.user_info_json.empty()) {
    writer.key("user_info");
    writer.raw(member.user_info_json);
  }
  writer.end_object();
  return envelope("pusher_internal:member_added", channel, json::quote(data));
}

std::string member_removed(std::string_view channel, const Member& member) {
  std::string data;
  json::Writer writer(data);
  writer.begin_object();
  writer.key("user_id");
  writer.raw(member.user_id_json);
  writer.end_object();
  return envelope("pusher_internal:member_removed", channel, json::quote(data));
}

std::string cache_miss(std::string_view channel) {
  return envelope("pusher:cache_miss", channel, kEmptyObject);
}

std::string gap(std::string_view channel, std::optional<std::uint64_t> missed) {
  std::string data;
  json::Writer writer(data);
  writer.begin_object();
  writer.key("channel");
  writer.string(channel);
  writer.key("missed");
  if (missed) {
    writer.number(*missed);
  } else {
    writer.null();
  }
  writer.end_object();
  return envelope("pusher:gap", channel, json::quote(data));
}

std::string channel_event(std::string_view event, std::string_view channel,
                          std::string_view data_json) {
  return envelope(event, channel, data_json);
}

std::string connection_event(std::string_view event, std::string_view data_json) {
  return envelope(event, {}, data_json);
}

std::string tagged_event(std::string_view event, std::string_view channel,
                         std::string_view data_json, const model::Tags& tags) {
  std::string out = envelope(event, channel, data_json);
  out.pop_back();
  out.append(",\"tags\":");
  std::string object;
  json::Writer writer(object);
  writer.begin_object();
  for (const model::Tag& tag : tags) {
    writer.key(tag.name);
    writer.string(tag.value);
  }
  writer.end_object();
  return out.append(object).append("}");
}

std::string in_second_names(std::string_view frame) {
  constexpr std::string_view kFirst = "{\"event\":\"pusher";
  constexpr std::string_view kSecond = "{\"event\":\"sockudo";
  if (!frame.starts_with(kFirst)) return std::string(frame);
  const std::string_view rest = frame.substr(kFirst.size());
  // An application may call an event "pusher-like".
  if (!rest.starts_with(':') && !rest.starts_with("_internal:")) return std::string(frame);
  return std::string(kSecond).append(rest);
}

std::string client_event(std::string_view event, std::string_view channel,
                         std::string_view data_json, std::optional<std::string_view> user_id_json) {
  return envelope(event, channel, data_json, user_id_json.value_or(std::string_view()));
}

std::string delta_event(const DeltaEvent& delta) {
  std::string out;
  out.reserve(delta.event.size() + delta.channel.size() + 2 * delta.delta.size() +
              delta.conflation_key.size() + 3 * kEnvelopeBytes);
  json::Writer writer(out);
  writer.begin_object();
  writer.key("event");
  writer.string(delta.is_second ? "sockudo:delta" : "pusher:delta");
  writer.key("channel");
  writer.string(delta.channel);
  writer.key("data");
  writer.begin_object();
  writer.key("event");
  writer.string(delta.event);
  writer.key("delta");
  writer.string(crypto::base64_encode(delta.delta));
  writer.key("seq");
  writer.number(delta.number);
  if (!delta.algorithm.empty()) {
    writer.key("algorithm");
    writer.string(delta.algorithm);
  }
  if (!delta.conflation_key.empty()) {
    writer.key("conflation_key");
    writer.string(delta.conflation_key);
  }
  writer.key("base_index");
  writer.number(delta.base);
  if (delta.crc) {
    writer.key("crc");
    writer.number(*delta.crc);
  }
  writer.end_object();
  writer.end_object();
  return out;
}

std::string delta_tail(std::uint32_t number, std::string_view conflation_key) {
  std::string out = ",\"__delta_seq\":" + std::to_string(number);
  if (!conflation_key.empty()) {
    out.append(",\"__conflation_key\":");
    json::append_quoted(out, conflation_key);
  }
  out.push_back('}');
  return out;
}

std::string delta_cache_sync(const DeltaCacheSync& sync, std::span<const SyncState> states) {
  std::string out;
  json::Writer writer(out);
  writer.begin_object();
  writer.key("event");
  writer.string(sync.is_second ? "sockudo:delta_cache_sync" : "pusher:delta_cache_sync");
  writer.key("channel");
  writer.string(sync.channel);
  writer.key("data");
  writer.begin_object();
  if (!sync.conflation_path.empty()) {
    writer.key("conflation_key");
    writer.string(sync.conflation_path);
    writer.key("max_messages_per_key");
    writer.number(sync.messages_per_key_max);
  }
  writer.key("states");
  writer.begin_object();
  for (const SyncState& state : states) {
    writer.key(state.conflation_key);
    writer.begin_array();
    writer.begin_object();
    writer.key("content");
    writer.string(state.text);
    writer.key("seq");
    writer.number(state.number);
    writer.end_object();
    writer.end_array();
  }
  writer.end_object();
  writer.end_object();
  writer.end_object();
  return out;
}

}  // namespace mr::pusher
