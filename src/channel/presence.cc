#include "channel/presence.h"

#include <algorithm>
#include <utility>

namespace mr::channel {
namespace {

// Socket ids are random: mixing the halves loses nothing that matters for a table key, and an
// equal key is checked against the whole id.
std::uint64_t key_of(const model::SocketId& socket) {
  return socket.high * 0x9E3779B97F4A7C15ULL + socket.low;
}

}  // namespace

std::vector<Presence::User>::iterator Presence::find_user(const std::string& user_id) {
  return std::find_if(users_.begin(), users_.end(),
                      [&](const User& user) { return user.member.user_id == user_id; });
}

Presence::Joined Presence::join(const model::SocketId& socket, pusher::Member member,
                                std::uint32_t members_max) {
  std::string user_id = member.user_id;
  auto user = find_user(user_id);
  const bool is_first = user == users_.end();
  if (is_first) {
    if (members_max != 0 && users_.size() >= members_max) return Joined::kFull;
    users_.push_back({std::move(member), 0});
    user = users_.end() - 1;
  }
  if (connections_.emplace(key_of(socket), Connection{socket, std::move(user_id)}).second) {
    ++user->connections;
  }
  return is_first ? Joined::kFirst : Joined::kAnotherConnection;
}

std::optional<pusher::Member> Presence::leave(const model::SocketId& socket, bool& was_here) {
  const auto connection = connections_.find(key_of(socket));
  was_here = connection != connections_.end() && connection->second.socket == socket;
  if (!was_here) return std::nullopt;
  const auto user = find_user(connection->second.user_id);
  connections_.erase(connection);
  if (user == users_.end() || --user->connections != 0) return std::nullopt;
  pusher::Member gone = std::move(user->member);
  users_.erase(user);
  return gone;
}

const pusher::Member* Presence::find(const model::SocketId& socket) const {
  const auto connection = connections_.find(key_of(socket));
  if (connection == connections_.end() || connection->second.socket != socket) return nullptr;
  for (const User& user : users_) {
    if (user.member.user_id == connection->second.user_id) return &user.member;
  }
  return nullptr;
}

bool Presence::is_here(const std::string& user_id) const {
  return std::any_of(users_.begin(), users_.end(),
                     [&](const User& user) { return user.member.user_id == user_id; });
}

std::vector<pusher::Member> Presence::members() const {
  std::vector<pusher::Member> all;
  all.reserve(users_.size());
  for (const User& user : users_) all.push_back(user.member);
  return all;
}

}  // namespace mr::channel
