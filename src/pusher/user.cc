#include "pusher/user.h"

#include "pusher/user_id.h"

namespace mr::pusher {

base::Result<SignedInUser, Errc> parse_user_data(json::Parser& parser, std::string_view text) {
  const auto read = parser.parse(text);
  if (!read) {
    return base::Error<Errc>{Errc::kNotJson,
                             "user_data: " + read.error().detail + "; send {\"id\":...}"};
  }
  if (!read.value().is_object()) {
    return base::Error<Errc>{Errc::kNotAnObject, "user_data is not an object; send {\"id\":...}"};
  }
  auto id = read_user_id(read.value(), "id");
  if (!id) {
    return base::Error<Errc>{
        Errc::kUserIdMissing,
        "user_data has no id; it must be a text that is not empty, or a number"};
  }
  return SignedInUser{std::move(id->json), std::move(id->text)};
}

}  // namespace mr::pusher
