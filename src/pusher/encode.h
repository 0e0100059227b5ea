#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "model/socket_id.h"
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

// An event of the application. `data_json` is usually a JSON string; empty: no data member.
std::string channel_event(std::string_view event, std::string_view channel,
                          std::string_view data_json);
// A client event as the other subscribers get it; user_id on presence channels.
std::string client_event(std::string_view event, std::string_view channel,
                         std::string_view data_json, std::optional<std::string_view> user_id_json);

}  // namespace mr::pusher
