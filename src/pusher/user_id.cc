#include "pusher/user_id.h"

namespace mr::pusher {

std::optional<UserId> read_user_id(const json::Value& object, std::string_view name) {
  const auto id = object.member(name);
  if (!id) return std::nullopt;
  if (id->type() == json::Type::kNumber)
    return UserId{std::string(id->raw()), std::string(id->raw())};
  const auto text = id->as_string();
  if (!text || text->empty()) return std::nullopt;
  return UserId{std::string(id->raw()), std::string(*text)};
}

}  // namespace mr::pusher
