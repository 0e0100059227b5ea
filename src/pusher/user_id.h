#pragma once

#include <optional>
#include <string>

#include "json/value.h"

namespace mr::pusher {

struct UserId {
  std::string json;  // as it stood in the source
  std::string text;
};

// The member `name` of an object: a text that is not empty, or a number. Internal to pusher/.
std::optional<UserId> read_user_id(const json::Value& object, std::string_view name);

}  // namespace mr::pusher
