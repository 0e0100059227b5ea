#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/flat_map.h"
#include "model/socket_id.h"
#include "pusher/encode.h"

namespace mr::channel {

// Who is on one presence channel: users, each with one or more connections. Lives in the
// channel's home record; home loop only.
class Presence {
 public:
  enum class Joined : std::uint8_t {
    kFirst,  // the user was not here: the others get member_added
    kAnotherConnection,
    kFull,  // max_presence_members_per_channel users are here already
  };
  Joined join(const model::SocketId& socket, pusher::Member member, std::uint32_t members_max);
  // The user whose last connection this was; nullopt if others remain or the socket is unknown.
  // `was_here` tells those two apart.
  std::optional<pusher::Member> leave(const model::SocketId& socket, bool& was_here);

  // The user of a connection that is here, as the others see him; else null.
  const pusher::Member* find(const model::SocketId& socket) const;
  // In order of arrival.
  std::vector<pusher::Member> members() const;
  bool is_here(const std::string& user_id) const;
  std::uint32_t user_count() const { return static_cast<std::uint32_t>(users_.size()); }

 private:
  struct User {
    pusher::Member member;
    std::uint32_t connections = 0;
  };
  struct Connection {
    model::SocketId socket;
    std::string user_id;
  };
  std::vector<User>::iterator find_user(const std::string& user_id);

  // Bounded by max_presence_members_per_channel; scans of a hundred beat a map of strings.
  std::vector<User> users_;
  base::FlatMap<std::uint64_t, Connection> connections_;
};

}  // namespace mr::channel
