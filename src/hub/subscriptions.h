#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/flat_map.h"
#include "base/slab.h"
#include "hub/types.h"

namespace mr::hub {

// Who hears what on one loop: both directions of one fact (channel to subscribers, connection to
// channels), kept in step here and nowhere else.
class Subscriptions {
 public:
  explicit Subscriptions(std::uint64_t hash_seed) : by_key_(0, base::TextHash{hash_seed}) {}

  OutletId open(std::uint32_t socket, const model::SocketId& id, bool is_second = false);
  // All its subscriptions must be gone.
  void close(OutletId outlet);

  // The connection's subscription to the channel, pending or active; kNone if there is none.
  SubscriptionId find(OutletId outlet, std::string_view key) const;
  // A pending one: it counts, but reads nothing.
  SubscriptionId begin(OutletId outlet, const std::string& key, std::uint32_t token);
  // From now on it reads what is appended.
  void activate(SubscriptionId id);
  void end(SubscriptionId id);
  // A channel without subscriptions goes, unless a flush still has it on a list.
  void drop_if_unused(ChannelId id);

  ChannelId find_channel(std::string_view key) const;
  ChannelLog& log(ChannelId id) { return channels_[id]; }
  const ChannelLog& log(ChannelId id) const { return channels_[id]; }
  Outlet& outlet(OutletId id) { return outlets_[id]; }
  const Outlet& outlet(OutletId id) const { return outlets_[id]; }
  Subscription& at(SubscriptionId id) { return pool_[id]; }
  const Subscription& at(SubscriptionId id) const { return pool_[id]; }
  bool is_active(SubscriptionId id) const { return pool_[id].position != Subscription::kPending; }

  std::size_t outlet_count() const { return outlets_.used(); }
  std::size_t subscription_count() const { return pool_.used(); }
  std::size_t channel_count() const { return channels_.used(); }

 private:
  void unlink_from_outlet(SubscriptionId id);
  void remove_from_channel(SubscriptionId id);

  base::Slab<Outlet> outlets_;
  base::Slab<Subscription> pool_;
  base::Slab<ChannelLog> channels_;
  base::TextViewMap<ChannelId> by_key_;  // views of ChannelLog::key
};

}  // namespace mr::hub
