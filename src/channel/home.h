#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/flat_map.h"
#include "base/function.h"
#include "channel/cached_events.h"
#include "channel/foreign.h"
#include "channel/home_channel.h"
#include "channel/interval_counts.h"
#include "channel/loop_port.h"
#include "channel/options.h"
#include "channel/order_source.h"
#include "channel/other_nodes.h"
#include "channel/service.h"
#include "delta/encoder.h"
#include "model/app.h"

namespace mr::channel {

// Everything that a channel needs to be ordered, kept on its home loop: FIFO (accepted, ordered,
// released), cache, presence, counts. One Home per loop holds all channels homed there. It knows
// no sockets: messages go to the Subscribers of the loops that have some.
//
// Home loop only. `port`, `order` and the Subscribers must outlive it.
class Home {
 public:
  struct Counters {
    std::uint64_t accepted = 0;
    std::uint64_t released = 0;
    std::uint64_t refused_full = 0;     // the channel's FIFO was full
    std::uint64_t refused_order = 0;    // the order source refused
    std::uint64_t refused_cut_off = 0;  // other nodes cannot be reached
    std::uint64_t paused_mailbox = 0;   // a loop's mailbox was full: the release waited
    std::uint64_t presence_full = 0;
    std::uint64_t unheard = 0;  // of other nodes, for channels without a subscriber here
  };

  Home(LoopPort& port, OrderSource& order, Options options, std::uint64_t hash_seed);
  // Before start: the Subscribers of every loop, by loop, and the other nodes, which outlive this.
  // Null: the node is alone.
  void set_subscribers(std::vector<Subscribers*> by_loop, OtherNodes* nodes = nullptr) {
    subscribers_ = std::move(by_loop);
    nodes_ = nodes == nullptr ? &alone_ : nodes;
    cached_->set_shared(nodes_->shared());
  }

  // Accepts a message; `done` runs when it was released or refused, possibly at once.
  void publish(Publish publish, OnReleased done);

  // Counts a subscriber of loop `join.loop` in, a member that joins again only once. What is
  // released afterwards reaches that loop behind this answer.
  JoinAnswer join(const Join& join);
  // `counted`: as the home counts this subscriber.
  void leave(const std::string& key, std::size_t loop, const model::SocketId& socket,
             Counted counted = {});

  // For subscribers that joined. Each answer holds for what is released afterwards, as join()'s.
  DeltaStart start(const Start& start);
  Filtered choose(const std::string& key, const model::SocketId& socket, filter::FilterRef filter);
  // The chain policy gives other settings now.
  void configure_chains();

  // What other nodes hold of a channel has changed.
  void take(const ForeignNews& news);

  void list(const std::string& app_id, const std::string& prefix,
            std::vector<ChannelCounts>& out) const;
  ChannelState state(const std::string& key, const model::ChannelName& name) const;
  std::vector<std::string> user_ids(const std::string& key) const;

  const Counters& counters() const { return counters_; }
  // What its chains share; a test may give another encoder.
  ChainShop& chain_shop() const { return *chain_shop_; }
  std::size_t channel_count() const { return channels_.size(); }
  CachedEvents& cached() const { return *cached_; }

 private:
  void send_ordered(const HomeChannel& channel, Pending pending);
  bool is_broker_ordered(const model::ChannelName& channel) const;
  HomeChannel& find_or_create(const std::string& key, const model::AppRef& app,
                              const model::ChannelName& name);
  HomeChannel* find(const std::string& key) const;
  const pusher::Member* member_of(const std::string& key, const model::SocketId& socket) const;
  void drop_if_unused(HomeChannel& channel);
  void on_ordered(HomeChannel& channel, std::uint64_t ticket, Order order);
  void drain(HomeChannel& channel);
  bool must_wait(const HomeChannel& channel) const;
  void release(HomeChannel& channel, Pending pending);
  const ChainOptions* coordination_of(HomeChannel& channel) const;
  bool judge(const ChainOptions& rules, Publish& publish) const;
  void ask_for_place(HomeChannel& channel, std::uint64_t ticket);
  void decide(HomeChannel& channel, Pending& pending);
  void keep(const HomeChannel& channel, Publish& publish);
  model::LeftOut left_out(HomeChannel& channel, const Publish& publish) const;
  model::MessageRef make_message(HomeChannel& channel, const Publish& publish, Order order);
  void count_second(HomeChannel& channel, int change);
  bool has_tagged_form(const HomeChannel& channel, const Publish& publish) const;
  void recount(HomeChannel& channel, std::uint8_t from, std::uint8_t to);
  Chains& ensure_chains(HomeChannel& channel);
  void drop_chains_if_unused(HomeChannel& channel);
  void schedule_expiry(HomeChannel& channel);
  void fan_out(HomeChannel& channel, const model::MessageRef& message);
  bool join_presence(HomeChannel& channel, const Join& join);
  std::uint32_t members_max(const HomeChannel& channel, const Join& join) const;
  bool is_shown(const HomeChannel& channel, const std::string& user_id) const;
  void member_came(HomeChannel& channel, const pusher::Member& member,
                   std::optional<model::SocketId> socket = std::nullopt);
  void member_went(HomeChannel& channel, const pusher::Member& member,
                   std::optional<model::SocketId> socket = std::nullopt);
  void settle_later(const std::string& key, const std::string& user_id, std::uint64_t token);
  void settle(const std::string& key, const std::string& user_id, std::uint64_t token);
  std::vector<pusher::Member> members_of(const HomeChannel& channel) const;
  std::uint32_t subscriptions_of(const HomeChannel& channel) const;
  void tell_count(const HomeChannel& channel);
  void uncount(HomeChannel& channel, std::size_t loop, const model::SocketId& socket,
               Counted counted);
  void announce(HomeChannel& channel, const std::string& text,
                std::optional<model::SocketId> except = std::nullopt);
  void count_changed(HomeChannel& channel);
  void announce_count(const std::string& key);
  ChannelCounts counts(const HomeChannel& channel) const;

  LoopPort& port_;
  OrderSource& order_;
  NoOtherNodes alone_;
  OtherNodes* nodes_ = &alone_;
  const Options options_;
  std::vector<Subscribers*> subscribers_;
  delta::Encoder encoder_;
  const std::unique_ptr<ChainShop> chain_shop_ =
      std::make_unique<ChainShop>();                          // outlives the chains
  base::TextViewMap<std::unique_ptr<HomeChannel>> channels_;  // views of HomeChannel::key
  IntervalCounts interval_counts_;
  const std::unique_ptr<CachedEvents> cached_;
  Foreign foreign_;
  std::uint64_t leaving_tokens_ = 0;
  Counters counters_;
  const std::uint64_t hash_seed_;
};

}  // namespace mr::channel
