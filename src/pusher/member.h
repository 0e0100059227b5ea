#pragma once

#include <string>

namespace mr::pusher {

// A user as presence channels show it. Laravel sends integers as user ids: the JSON form is kept
// for the wire, the text is the key (so 7 and "7" are one user).
struct Member {
  std::string user_id_json;    // `"u1"` or `7`
  std::string user_id;         // `u1` or `7`
  std::string user_info_json;  // any JSON; empty: none given

  bool operator==(const Member&) const = default;
};

}  // namespace mr::pusher
