#pragma once

#include <string_view>

#include "base/result.h"
#include "json/parser.h"
#include "pusher/errc.h"
#include "pusher/member.h"

namespace mr::pusher {

using PresenceUser = Member;

// `channel_data` of a presence subscription: {"user_id": text or number, "user_info": any}.
base::Result<PresenceUser, Errc> parse_channel_data(json::Parser& parser, std::string_view text);

}  // namespace mr::pusher
