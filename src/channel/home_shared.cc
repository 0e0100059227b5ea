// What a home knows of its channels together with the other nodes: members, counts, queries.

#include <algorithm>
#include <utility>

#include "base/planted.h"
#include "channel/home.h"
#include "delta/settings.h"
#include "pusher/encode.h"

namespace mr::channel {
namespace {

// How long a user who went is shown: as long as it takes another node to say that it has him.
constexpr base::Duration kSettle = std::chrono::milliseconds(250);

}  // namespace

std::uint32_t Home::subscriptions_of(const HomeChannel& channel) const {
  const Foreign::Channel* const elsewhere = foreign_.find(channel.key);
  const std::int64_t more =
      elsewhere == nullptr ? 0 : std::max<std::int64_t>(elsewhere->subscriptions, 0);
  return channel.subscription_count + static_cast<std::uint32_t>(more);
}

void Home::tell_count(const HomeChannel& channel) {
  if (channel.name.kind() == model::ChannelKind::kServerToUser) return;
  nodes_->share(
      {channel.app->options.id, channel.name.text(), channel.subscription_count, nullptr, false});
}

bool Home::is_broker_ordered(const model::ChannelName& channel) const {
  return std::ranges::any_of(options_.broker_ordered, [&channel](const std::string& pattern) {
    return delta::matches(pattern, channel.text());
  });
}

// It is released when it comes back.
void Home::send_ordered(const HomeChannel& channel, Pending pending) {
  if (pending.publish.is_kept()) pending.publish.version = nodes_->shared().next_version();
  nodes_->send_ordered(channel.partition, std::move(pending.publish), std::move(pending.done));
}

// --- members -------------------------------------------------------------------------------------

// Ours, then those of other nodes, then those who may be there.
std::vector<pusher::Member> Home::members_of(const HomeChannel& channel) const {
  std::vector<pusher::Member> all;
  if (channel.presence) all = channel.presence->members();
  const std::size_t own = all.size();
  const auto is_own = [&all, own](const pusher::Member& member) {
    return std::any_of(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(own),
                       [&member](const auto& other) { return other.user_id == member.user_id; });
  };
  if (const Foreign::Channel* const elsewhere = foreign_.find(channel.key)) {
    for (const Foreign::Channel::User& user : elsewhere->users) {
      if (!is_own(user.member)) all.push_back(user.member);
    }
  }
  for (const HomeChannel::Leaving& leaving : channel.leaving) all.push_back(leaving.member);
  return all;
}

// What is left of the limit for a user of this connection, who may be here or elsewhere already.
std::uint32_t Home::members_max(const HomeChannel& channel, const Join& join) const {
  const std::uint32_t limit = join.app->options.max_presence_members_per_channel;
  const Foreign::Channel* const elsewhere = foreign_.find(channel.key);
  if (limit == 0 || elsewhere == nullptr) return limit;
  if (elsewhere->find(join.member->user_id) != nullptr) return 0;
  const std::vector<pusher::Member> own = channel.presence->members();
  std::uint32_t others = 0;
  for (const Foreign::Channel::User& user : elsewhere->users) {
    others += std::ranges::find(own, user.member.user_id, &pusher::Member::user_id) == own.end();
  }
  // Presence takes 0 for no limit; who is here already needs no room.
  return others < limit ? limit - others : UINT32_MAX;
}

// A member that was here with other data is replaced; what it is and was goes to the others.
bool Home::join_presence(HomeChannel& channel, const Join& join) {
  if (!channel.presence) channel.presence = std::make_unique<Presence>();
  const std::string& app_id = channel.app->options.id;
  const std::string& name = channel.name.text();
  bool was_here = false;
  if (const auto gone = channel.presence->leave(join.socket, was_here)) {
    nodes_->share({app_id, name, channel.subscription_count, &*gone, false});
    // Who is at another node too stays as the others have seen him.
    if (!is_shown(channel, gone->user_id)) {
      announce(channel, pusher::member_removed(name, *gone), join.socket);
    }
  }
  const std::uint32_t room = members_max(channel, join);
  const bool is_full = room == UINT32_MAX && !channel.presence->is_here(join.member->user_id);
  const auto joined =
      is_full ? Presence::Joined::kFull
              : channel.presence->join(join.socket, *join.member, room == UINT32_MAX ? 0 : room);
  if (joined == Presence::Joined::kFull) {
    ++counters_.presence_full;
    return false;
  }
  if (joined == Presence::Joined::kFirst) {
    nodes_->share({app_id, name, channel.subscription_count, &*join.member, true});
    const Foreign::Channel* const elsewhere = foreign_.find(channel.key);
    const bool is_elsewhere = elsewhere != nullptr && elsewhere->find(join.member->user_id);
    if (!is_elsewhere) member_came(channel, *join.member, join.socket);
  }
  return true;
}

// Who was shown as leaving has only come back, unless he has other data now.
void Home::member_came(HomeChannel& channel, const pusher::Member& member,
                       std::optional<model::SocketId> socket) {
  const auto leaving = std::ranges::find_if(
      channel.leaving, [&member](const auto& one) { return one.member.user_id == member.user_id; });
  if (leaving != channel.leaving.end()) {
    const pusher::Member was = std::move(leaving->member);
    channel.leaving.erase(leaving);
    if (was == member) return;
    announce(channel, pusher::member_removed(channel.name.text(), was), socket);
  }
  announce(channel, pusher::member_added(channel.name.text(), member), socket);
}

// Nobody here has him any more, or nobody elsewhere.
void Home::member_went(HomeChannel& channel, const pusher::Member& member,
                       std::optional<model::SocketId> socket) {
  if (socket) {
    nodes_->share(
        {channel.app->options.id, channel.name.text(), channel.subscription_count, &member, false});
  }
  if (is_shown(channel, member.user_id)) return;
  if (!nodes_->are_there() || MR_PLANTED("removed_at_once")) {
    return announce(channel, pusher::member_removed(channel.name.text(), member), socket);
  }
  channel.leaving.push_back({member, ++leaving_tokens_});
  settle_later(channel.key, member.user_id, leaving_tokens_);
}

bool Home::is_shown(const HomeChannel& channel, const std::string& user_id) const {
  if (channel.presence && channel.presence->is_here(user_id)) return true;
  const Foreign::Channel* const elsewhere = foreign_.find(channel.key);
  return elsewhere != nullptr && elsewhere->find(user_id) != nullptr;
}

void Home::settle_later(const std::string& key, const std::string& user_id, std::uint64_t token) {
  port_.after(kSettle, [this, key, user_id, token] { settle(key, user_id, token); });
}

void Home::settle(const std::string& key, const std::string& user_id, std::uint64_t token) {
  HomeChannel* const channel = find(key);
  if (channel == nullptr) return;
  const auto leaving = std::ranges::find(channel->leaving, token, &HomeChannel::Leaving::token);
  if (leaving == channel->leaving.end()) return;
  if (!nodes_->are_known() && !MR_PLANTED("removed_in_doubt")) {
    return settle_later(key, user_id, token);
  }
  const pusher::Member gone = std::move(leaving->member);
  channel->leaving.erase(leaving);
  announce(*channel, pusher::member_removed(channel->name.text(), gone));
}

void Home::take(const ForeignNews& news) {
  const std::string key = model::channel_key(news.app_id, news.channel);
  const Foreign::Turned turned = foreign_.take(key, news);
  HomeChannel* const channel = find(key);
  if (channel == nullptr || channel->subscription_count == 0) return;
  for (const pusher::Member& member : turned.came) {
    if (!channel->presence || !channel->presence->is_here(member.user_id)) {
      member_came(*channel, member);
    }
  }
  for (const auto& [was, is] : turned.changed) {
    if (channel->presence && channel->presence->is_here(is.user_id)) continue;
    announce(*channel, pusher::member_removed(channel->name.text(), was));
    announce(*channel, pusher::member_added(channel->name.text(), is));
  }
  for (const pusher::Member& member : turned.went) member_went(*channel, member);
  if (news.subscriptions != 0) count_changed(*channel);
}

// --- queries -------------------------------------------------------------------------------------

void Home::list(const std::string& app_id, const std::string& prefix,
                std::vector<ChannelCounts>& out) const {
  for (const auto& [key, channel] : channels_) {
    if (channel->app->options.id != app_id || channel->subscription_count == 0) continue;
    if (channel->name.kind() == model::ChannelKind::kServerToUser) continue;
    if (channel->name.text().starts_with(prefix)) out.push_back(counts(*channel));
  }
  for (const auto& [key, elsewhere] : foreign_.channels()) {
    if (elsewhere.app_id != app_id || !elsewhere.name.starts_with(prefix)) continue;
    const HomeChannel* const here = find(key);
    if (here != nullptr && here->subscription_count != 0) continue;
    out.push_back({elsewhere.name,
                   static_cast<std::uint32_t>(std::max<std::int64_t>(elsewhere.subscriptions, 0)),
                   static_cast<std::uint32_t>(elsewhere.users.size())});
  }
}

ChannelState Home::state(const std::string& key, const model::ChannelName& name) const {
  ChannelState state;
  state.counts.channel = name.text();
  const HomeChannel* const channel = find(key);
  const Foreign::Channel* const elsewhere = foreign_.find(key);
  if (channel != nullptr) {
    state.counts = counts(*channel);
  } else if (elsewhere != nullptr) {
    state.counts.subscription_count =
        static_cast<std::uint32_t>(std::max<std::int64_t>(elsewhere->subscriptions, 0));
    state.counts.user_count = static_cast<std::uint32_t>(elsewhere->users.size());
  }
  state.is_occupied = state.counts.subscription_count != 0;
  if (name.is_cache()) state.cache = cached_->get(key);
  return state;
}

std::vector<std::string> Home::user_ids(const std::string& key) const {
  std::vector<std::string> ids;
  if (const HomeChannel* const channel = find(key)) {
    for (const pusher::Member& member : members_of(*channel)) ids.push_back(member.user_id_json);
  } else if (const Foreign::Channel* const elsewhere = foreign_.find(key)) {
    for (const Foreign::Channel::User& user : elsewhere->users) {
      ids.push_back(user.member.user_id_json);
    }
  }
  return ids;
}

}  // namespace mr::channel
