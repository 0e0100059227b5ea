#include "pusher/presence.h"

#include "pusher/user_id.h"

namespace mr::pusher {

base::Result<PresenceUser, Errc> parse_channel_data(json::Parser& parser, std::string_view text) {
  const auto read = parser.parse(text);
  if (!read) {
    return base::Error<Errc>{Errc::kNotJson, "channel_data: " + read.error().detail +
                                                 "; send {\"user_id\":...,\"user_info\":...}"};
  }
  if (!read.value().is_object()) {
    return base::Error<Errc>{Errc::kNotAnObject,
                             "channel_data is not an object; send {\"user_id\":...}"};
  }
  auto id = read_user_id(read.value(), "user_id");
  if (!id) {
    return base::Error<Errc>{Errc::kUserIdMissing,
                             "channel_data has no user_id; it must be a text that is not empty, "
                             "or a number"};
  }
  PresenceUser user{std::move(id->json), std::move(id->text), {}};
  if (const auto about = read.value().member("user_info")) user.user_info_json = about->raw();
  return user;
}

}  // namespace mr::pusher
