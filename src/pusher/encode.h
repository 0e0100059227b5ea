#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "model/socket_id.h"
#include "model/tags.h"
#include "pusher/member.h"

namespace mr::pusher {

// Server events of protocol 7, one function per event; each gives the JSON text of one frame.
// Members come in the order event, channel, data, user_id. Arguments named `*_json` are complete
// JSON values and go out byte for byte; all others are text and are escaped here.

std::string connection_established(model::SocketId socket_id, std::uint32_t activity_timeout_s);
std::string ping();
std::string pong();
// Codes of close_codes.h; without a code the member is null.
std::string error(std::optional<int> code, std::string_view message);
std::string signin_success(std::string_view user_data);

std::string subscription_succeeded(std::string_view channel);
std::string presence_subscription_succeeded(std::string_view channel,
                                            std::span<const Member> members);
// `type` is "AuthError" for a refused signature; `status` an HTTP-like number (401, 403, 4009...).
std::string subscription_error(std::string_view channel, std::string_view type,
                               std::string_view error, int status);
std::string subscription_count(std::string_view channel, std::uint64_t count);
std::string member_added(std::string_view channel, const Member& member);
std::string member_removed(std::string_view channel, const Member& member);
std::string cache_miss(std::string_view channel);
// Of messages that did not come to this node; absent: nobody can say how many.
std::string gap(std::string_view channel, std::optional<std::uint64_t> missed);

// An event of the application. `data_json` is usually a JSON string; empty: no data member.
std::string channel_event(std::string_view event, std::string_view channel,
                          std::string_view data_json);
// The same with tags behind the data, as protocol 2 has it.
// Without a channel: to the connection.
std::string connection_event(std::string_view event, std::string_view data_json);
std::string tagged_event(std::string_view event, std::string_view channel,
                         std::string_view data_json, const model::Tags& tags);
// A frame of ours in the names of protocol 2: `sockudo:` and `sockudo_internal:`.
std::string in_second_names(std::string_view frame);
// A client event as the other subscribers get it; user_id on presence channels.
std::string client_event(std::string_view event, std::string_view channel,
                         std::string_view data_json, std::optional<std::string_view> user_id_json);

// An event as a delta on an earlier one of its channel.
struct DeltaEvent {
  std::string_view event;
  std::string_view channel;
  std::string_view delta;           // its bytes; base64 on the wire
  std::string_view algorithm;       // empty: left out
  std::string_view conflation_key;  // as on the wire; empty: left out
  std::uint32_t number = 0;
  std::uint32_t base = 0;
  std::optional<std::uint32_t> crc;  // of the rebuilt text
  bool is_second = false;            // protocol 2
};
std::string delta_event(const DeltaEvent& delta);

// What stands behind a full text that may become a base, instead of its last brace.
std::string delta_tail(std::uint32_t number, std::string_view conflation_key);

struct SyncState {
  std::string_view conflation_key;  // as on the wire
  std::string_view text;            // of the full event, without its tail
  std::uint32_t number = 0;
};
struct DeltaCacheSync {
  std::string_view channel;
  std::string_view conflation_path;  // empty: the channel is not keyed
  std::uint32_t messages_per_key_max = 0;
  bool is_second = false;
};
// Decoders forget what they hold of the channel and hold these.
std::string delta_cache_sync(const DeltaCacheSync& sync, std::span<const SyncState> states);

}  // namespace mr::pusher
