#include "channel/foreign.h"

#include <algorithm>

namespace mr::channel {

const Foreign::Channel::User* Foreign::Channel::find(const std::string& user_id) const {
  const auto found = std::ranges::find_if(
      users, [&user_id](const User& user) { return user.member.user_id == user_id; });
  return found == users.end() ? nullptr : &*found;
}

const Foreign::Channel* Foreign::find(const std::string& key) const {
  const auto found = channels_.find(key);
  return found == channels_.end() ? nullptr : &found->second;
}

Foreign::Turned Foreign::take(const std::string& key, const ForeignNews& news) {
  Channel& channel = channels_[key];
  channel.app_id = news.app_id;
  channel.name = news.channel;
  channel.subscriptions += news.subscriptions;
  Turned turned;
  for (const ForeignNews::User& user : news.users) take(channel, user, turned);
  if (channel.subscriptions <= 0 && channel.users.empty()) channels_.erase(key);
  return turned;
}

// Who goes and comes in one piece of news has stayed, with the same data or with other.
void Foreign::take(Channel& channel, const ForeignNews::User& news, Turned& turned) {
  const auto is_user = [&news](const pusher::Member& member) {
    return member.user_id == news.member.user_id;
  };
  const auto found = std::ranges::find_if(
      channel.users, [&is_user](const Channel::User& user) { return is_user(user.member); });
  const bool was_here = found != channel.users.end();
  if (news.is_here && was_here) {
    ++found->nodes;
  } else if (news.is_here) {
    channel.users.push_back({news.member, 1});
    const auto gone = std::ranges::find_if(turned.went, is_user);
    if (gone == turned.went.end()) {
      turned.came.push_back(news.member);
    } else {
      if (*gone != news.member) turned.changed.push_back({*gone, news.member});
      turned.went.erase(gone);
    }
  } else if (was_here && --found->nodes == 0) {
    if (std::erase_if(turned.came, is_user) == 0) turned.went.push_back(found->member);
    channel.users.erase(found);
  }
}

}  // namespace mr::channel
