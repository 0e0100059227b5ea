#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/flat_map.h"
#include "cluster/redis/connection.h"
#include "cluster/redis/options.h"
#include "cluster/redis/slot_map.h"
#include "cluster/redis/store_route.h"
#include "net/loop.h"
#include "net/resolve.h"

namespace mr::cluster::redis {

// What Shards reports, on its loop, never inside a call to it.
class ShardsEvents {
 public:
  // Slots have moved, or shards came and went: is_ready() and owner() may say something else.
  virtual void on_shards_changed() = 0;
  // What it says of itself with INFO, once per connection.
  virtual void on_shard_facts(const net::Address&, std::string_view) {}
  // It cannot be reached, or its connection is lost.
  virtual void on_shard_lost(const net::Address& server, std::string_view why) = 0;

 protected:
  ~ShardsEvents() = default;
};

// One loop's connections for commands to the primaries of a Redis Cluster: one for each, made again
// after a loss. Commands of one slot keep their order; MOVED and ASK are followed once for each.
// The map of the slots is read again every two seconds, and at once when something says that it is
// old. Loop only; resolver and events outlive it. close() is allowed inside reports and answers,
// the end of its life is not.
class Shards {
 public:
  // With the life of the server that executed the command.
  using OnReply = StoreRoute::OnReply;

  Shards(net::Loop& loop, net::Resolver& resolver, RedisOptions options, ShardsEvents& events);
  Shards(const Shards&) = delete;
  Shards& operator=(const Shards&) = delete;
  ~Shards();

  void open();
  // What waits is answered kLost; no report comes after it.
  void close();

  // A command of this slot would be taken.
  bool is_ready(std::uint16_t slot) const;
  bool is_any_up() const;
  // All shards that are known take commands.
  bool is_whole() const { return !is_troubled(); }
  // Of each shard it is known whether it takes commands.
  bool is_settled() const;
  // Nothing: not known. Valid until the next report.
  const net::Address* owner(std::uint16_t slot) const { return map_.owner(slot); }
  // A server's word in passing. The whole map is read soon.
  void learn(const Redirection& moved);

  // As Connection::command, of the shard that has `slot`. The queue's bound is for all shards, and
  // for what is not answered.
  bool command(std::uint16_t slot, std::span<const std::string_view> args, OnReply on_reply);
  void flush();

  std::size_t queued_bytes() const;
  std::uint64_t redirections() const { return redirections_; }
  const RedisOptions& options() const { return options_; }

 private:
  class Link;
  struct Request;
  struct Flow;
  // Of MOVED.
  struct Learned {
    std::uint16_t slot = 0;
    net::Address to;
    base::TimePoint at{};
  };

  Link* find(const net::Address& server) const;
  Link& link_to(const net::Address& server);
  Link* owner_link(std::uint16_t slot) const;
  void ready(Link& link);
  void lost(Link& link, std::string_view why);
  void tick();
  void open_links(base::TimePoint now);
  void drop_strangers();
  bool is_troubled() const;
  void learn_facts(Link& link);
  void refresh();
  void read_map(Link& link, const ClusterState& state);
  void take_map(SlotMap map);
  void send(Link& link, Request request);
  void answered(Link& link, Request request, const Reply& reply);
  bool redirect(Request& request, const Redirection& where);
  void settle(std::uint16_t slot);
  void report_later();

  net::Loop& loop_;
  net::Resolver& resolver_;
  const RedisOptions options_;
  ShardsEvents& events_;
  std::vector<std::unique_ptr<Link>> links_;
  base::FlatMap<std::uint16_t, Flow> flows_;
  SlotMap map_;
  std::vector<Learned> learned_;
  std::uint64_t epoch_ = 0;  // of the map
  std::size_t bytes_ = 0;    // taken and not answered
  std::size_t next_asked_ = 0;
  std::uint64_t redirections_ = 0;
  bool is_open_ = false;
  bool is_map_old_ = false;
  bool is_report_due_ = false;
  base::TimePoint asked_{};
  net::TimerId tick_ = net::TimerId::kNone;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace mr::cluster::redis
