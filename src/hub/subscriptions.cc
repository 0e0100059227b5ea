#include "hub/subscriptions.h"

#include <algorithm>

#include "base/assert.h"

namespace mr::hub {

OutletId Subscriptions::open(std::uint32_t socket, const model::SocketId& id, bool is_second) {
  const OutletId outlet = outlets_.acquire();
  outlets_[outlet].socket = socket;
  outlets_[outlet].id = id;
  outlets_[outlet].is_second = is_second;
  return outlet;
}

void Subscriptions::close(OutletId outlet) {
  MR_ASSERT(outlets_[outlet].first == kNone, "an outlet closed with subscriptions");
  outlets_.release(outlet);
}

ChannelId Subscriptions::find_channel(std::string_view key) const {
  const auto found = by_key_.find(key);
  return found == by_key_.end() ? kNone : found->second;
}

SubscriptionId Subscriptions::find(OutletId outlet, std::string_view key) const {
  const ChannelId channel = find_channel(key);
  if (channel == kNone) return kNone;
  SubscriptionId id = outlets_[outlet].first;
  while (id != kNone && pool_[id].channel != channel) id = pool_[id].next;
  return id;
}

SubscriptionId Subscriptions::begin(OutletId outlet, const std::string& key, std::uint32_t token) {
  ChannelId channel = find_channel(key);
  if (channel == kNone) {
    channel = channels_.acquire();
    channels_[channel].key = key;
    by_key_.emplace(channels_[channel].key, channel);
  }
  ++channels_[channel].references;
  const SubscriptionId id = pool_.acquire();
  Subscription& subscription = pool_[id];
  subscription.channel = channel;
  subscription.outlet = outlet;
  subscription.token = token;
  subscription.next = outlets_[outlet].first;
  outlets_[outlet].first = id;
  ++outlets_[outlet].subscription_count;
  return id;
}

void Subscriptions::activate(SubscriptionId id) {
  Subscription& subscription = pool_[id];
  ChannelLog& log = channels_[subscription.channel];
  MR_ASSERT(subscription.position == Subscription::kPending, "activated twice");
  subscription.position = static_cast<std::uint32_t>(log.subscribers.size());
  subscription.cursor = log.end();
  log.subscribers.push_back(id);
  if (outlets_[subscription.outlet].is_blocked) log.blocked.push_back(id);
}

void Subscriptions::remove_from_channel(SubscriptionId id) {
  Subscription& subscription = pool_[id];
  ChannelLog& log = channels_[subscription.channel];
  if (subscription.position != Subscription::kPending) {
    const SubscriptionId moved = log.subscribers.back();
    log.subscribers[subscription.position] = moved;
    pool_[moved].position = subscription.position;
    log.subscribers.pop_back();
    std::erase(log.blocked, id);
  }
  --log.references;
  drop_if_unused(subscription.channel);
}

void Subscriptions::drop_if_unused(ChannelId id) {
  ChannelLog& log = channels_[id];
  if (log.references != 0 || log.is_dirty || log.is_marked) return;
  by_key_.erase(by_key_.find(std::string_view(log.key)));
  channels_.release(id);
}

void Subscriptions::unlink_from_outlet(SubscriptionId id) {
  Outlet& outlet = outlets_[pool_[id].outlet];
  SubscriptionId* link = &outlet.first;
  while (*link != id) link = &pool_[*link].next;
  *link = pool_[id].next;
  --outlet.subscription_count;
  if (pool_[id].next_dirty == Subscription::kUnlinked) return;
  link = &outlet.first_dirty;
  while (*link != id) link = &pool_[*link].next_dirty;
  *link = pool_[id].next_dirty;
}

void Subscriptions::end(SubscriptionId id) {
  unlink_from_outlet(id);
  remove_from_channel(id);
  pool_.release(id);
}

}  // namespace mr::hub
