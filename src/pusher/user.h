#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "json/parser.h"
#include "pusher/errc.h"

namespace mr::pusher {

// `user_data` of a sign-in.
struct SignedInUser {
  std::string id_json;  // `"u1"` or `7`
  std::string id;       // the text used as key
};

// {"id": text or number, ...}; other members are the application's.
base::Result<SignedInUser, Errc> parse_user_data(json::Parser& parser, std::string_view text);

}  // namespace mr::pusher
