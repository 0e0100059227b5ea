#include "cluster/shares.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/hash.h"
#include "base/planted.h"

namespace mr::cluster {
namespace {

constexpr std::size_t kPartEntriesMax = 5000;

// Lengths keep texts apart whatever they hold.
std::uint64_t hash_of(std::initializer_list<std::string_view> texts, std::uint64_t number) {
  std::string all = std::to_string(number);
  for (const std::string_view text : texts) {
    all.append("/").append(std::to_string(text.size())).append(":").append(text);
  }
  return base::placing_hash(all, {});
}

std::uint64_t hash_of(const ShareUser& user) {
  return hash_of({user.app_id, user.channel, user.user_id, user.user_id_json, user.user_info_json},
                 1);
}

std::uint64_t hash_of(const std::string& app_id, const std::string& channel, std::uint64_t count) {
  return count == 0 ? 0 : hash_of({app_id, channel}, count + 1);
}

ForeignChange& change_of(std::vector<ForeignChange>& changes, const std::string& app_id,
                         const std::string& channel) {
  if (changes.empty() || changes.back().channel != channel || changes.back().app_id != app_id) {
    changes.push_back({app_id, channel, 0, {}});
  }
  return changes.back();
}

}  // namespace

void Share::set(const ShareCount& count, std::vector<ForeignChange>* changed) {
  const Key key{count.app_id, count.channel};
  Channel& channel = channels_[key];
  digest_ ^= hash_of(count.app_id, count.channel, channel.subscriptions);
  digest_ ^= hash_of(count.app_id, count.channel, count.subscriptions);
  if (changed != nullptr && channel.subscriptions != count.subscriptions) {
    change_of(*changed, count.app_id, count.channel).subscriptions +=
        static_cast<std::int64_t>(count.subscriptions) -
        static_cast<std::int64_t>(channel.subscriptions);
  }
  channel.subscriptions = count.subscriptions;
  drop_if_empty(key);
}

void Share::set(const ShareUser& user, std::vector<ForeignChange>* changed) {
  const Key key{user.app_id, user.channel};
  Channel& channel = channels_[key];
  const auto found = channel.users.find(user.user_id);
  std::optional<ShareUser> was;
  if (found != channel.users.end()) {
    digest_ ^= hash_of(found->second);
    was = std::move(found->second);
    channel.users.erase(found);
  }
  if (user.is_here) {
    digest_ ^= hash_of(user);
    channel.users.emplace(user.user_id, user);
  }
  // Who has other data went and came, as at his own node.
  if (changed != nullptr && was != (user.is_here ? std::optional(user) : std::nullopt)) {
    auto& users = change_of(*changed, user.app_id, user.channel).users;
    if (was) {
      was->is_here = false;
      users.push_back(*std::move(was));
    }
    if (user.is_here) users.push_back(user);
  }
  drop_if_empty(key);
}

void Share::drop_if_empty(const Key& key) {
  const auto found = channels_.find(key);
  if (found->second.subscriptions == 0 && found->second.users.empty()) channels_.erase(found);
}

std::vector<ShareMessage> Share::parts(std::size_t entries_max) const {
  std::vector<ShareMessage> all(1);
  const auto room = [&]() -> ShareMessage& {
    if (all.back().counts.size() + all.back().users.size() >= entries_max) all.emplace_back();
    return all.back();
  };
  for (const auto& [key, channel] : channels_) {
    if (channel.subscriptions > 0) {
      room().counts.push_back({key.first, key.second, channel.subscriptions});
    }
    for (const auto& [id, user] : channel.users) room().users.push_back(user);
  }
  for (std::size_t i = 0; i < all.size(); ++i) {
    all[i].number = number;
    all[i].parts = all.size();
    all[i].part = i;
  }
  return all;
}

std::vector<ForeignChange> Share::changes_to(const Share& other) const {
  std::vector<ForeignChange> changes;
  Share now = *this;
  for (const auto& [key, channel] : channels_) {
    const auto there = other.channels_.find(key);
    for (const auto& [id, user] : channel.users) {
      if (there != other.channels_.end() && there->second.users.contains(id)) continue;
      ShareUser gone = user;
      gone.is_here = false;
      now.set(gone, &changes);
    }
    if (there == other.channels_.end()) now.set(ShareCount{key.first, key.second, 0}, &changes);
  }
  for (const auto& [key, channel] : other.channels_) {
    now.set(ShareCount{key.first, key.second, channel.subscriptions}, &changes);
    for (const auto& [id, user] : channel.users) now.set(user, &changes);
  }
  return changes;
}

void Shares::set_own(const ShareCount& count) {
  own_.set(count, nullptr);
  // The newest count of a channel is enough.
  const auto known = std::ranges::find_if(news_.counts, [&count](const ShareCount& other) {
    return other.channel == count.channel && other.app_id == count.app_id;
  });
  if (known != news_.counts.end()) {
    *known = count;
  } else {
    news_.counts.push_back(count);
  }
}

void Shares::set_own(const ShareUser& user) {
  own_.set(user, nullptr);
  news_.users.push_back(user);
}

std::optional<ShareMessage> Shares::take_news() {
  if (news_.counts.empty() && news_.users.empty()) return std::nullopt;
  news_.number = ++own_.number;
  return std::exchange(news_, {});
}

std::vector<ShareMessage> Shares::own_for(BootId to) const {
  std::vector<ShareMessage> parts = own_.parts(kPartEntriesMax);
  for (ShareMessage& part : parts) part.to = to;
  return parts;
}

void Shares::begin(BootId boot) {
  Other& other = others_[boot];
  if (!other.is_known) other.is_known = true;
}

bool Shares::hear(BootId from, const ShareMessage& message, base::TimePoint now,
                  std::vector<ForeignChange>& changed) {
  Other& other = others_[from];
  if (message.parts > 0) return take_part(other, message, changed);
  if (!other.is_known || message.number <= other.share.number) return true;
  if (message.number != other.share.number + 1) {
    doubt(now);
    return false;
  }
  other.share.number = message.number;
  for (const ShareUser& user : message.users) other.share.set(user, &changed);
  for (const ShareCount& count : message.counts) other.share.set(count, &changed);
  return true;
}

bool Shares::take_part(Other& other, const ShareMessage& message,
                       std::vector<ForeignChange>& changed) {
  if (message.part == 0) {
    other.coming.emplace();
    other.parts_had = 0;
  }
  if (!other.coming || message.part != other.parts_had) return false;
  ++other.parts_had;
  for (const ShareUser& user : message.users) other.coming->set(user, nullptr);
  for (const ShareCount& count : message.counts) other.coming->set(count, nullptr);
  if (other.parts_had < message.parts) return true;
  Share whole = *std::exchange(other.coming, std::nullopt);
  whole.number = message.number;
  if (other.is_known && whole.number < other.share.number) return true;
  std::vector<ForeignChange> all = other.share.changes_to(whole);
  changed.insert(changed.end(), std::make_move_iterator(all.begin()),
                 std::make_move_iterator(all.end()));
  other.share = std::move(whole);
  other.is_known = true;
  return true;
}

bool Shares::check(BootId from, const BeatMessage& beat, base::TimePoint now) {
  Other& other = others_[from];
  const bool is_same = other.is_known && other.share.number == beat.share_number &&
                       other.share.digest() == beat.share_digest;
  if (is_same) {
    other.checked = now;
    return true;
  }
  doubt(now);
  return MR_PLANTED("digest_ignored") && other.is_known;
}

void Shares::drop(BootId boot, std::vector<ForeignChange>& changed) {
  const auto found = others_.find(boot);
  if (found == others_.end()) return;
  std::vector<ForeignChange> all = found->second.share.changes_to({});
  if (MR_PLANTED("share_of_the_dead_kept")) all.clear();
  if (MR_PLANTED("share_removed_twice")) changed = all;
  changed.insert(changed.end(), std::make_move_iterator(all.begin()),
                 std::make_move_iterator(all.end()));
  others_.erase(found);
}

bool Shares::is_known(BootId boot) const {
  const auto found = others_.find(boot);
  return found != others_.end() && found->second.is_known;
}

bool Shares::is_whole(const std::vector<BootId>& boots) const {
  return std::ranges::all_of(boots, [this](BootId boot) {
    const auto found = others_.find(boot);
    return found != others_.end() && found->second.is_known && found->second.checked >= doubt_;
  });
}

}  // namespace mr::cluster
