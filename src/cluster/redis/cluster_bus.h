#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/flat_map.h"
#include "cluster/bus.h"
#include "cluster/redis/channel_names.h"
#include "cluster/redis/shards.h"

namespace mr::cluster::redis {

// The bus over sharded pub/sub of a Redis Cluster (Redis 7 or newer): for each shard a connection
// that publishes, and one that subscribes where something is wanted. Open while the shard of the
// control subject answers. When another shard is lost, or a slot moves, only the subscriptions
// there are interrupted; each is made again where its slot is then. Loop only; the resolver
// outlives it. Not destroyed inside its own reports.
class ClusterBus final : public Bus, private ShardsEvents {
 public:
  struct Counters {
    std::uint64_t reconnects = 0;      // openings after a loss
    std::uint64_t publish_errors = 0;  // error replies to SPUBLISH
    std::uint64_t refused = 0;       // envelopes whose shard is away, or that found the queue full
    std::uint64_t strays = 0;        // messages that nobody here wants
    std::uint64_t resubscribed = 0;  // interrupted subscriptions that stand again
    std::string last_error{};
  };

  ClusterBus(net::Loop& loop, net::Resolver& resolver, RedisOptions options, BusEvents& events);
  ClusterBus(const ClusterBus&) = delete;
  ClusterBus& operator=(const ClusterBus&) = delete;
  ~ClusterBus() override;

  void start() override;
  void stop() override;
  void subscribe(Subject subject, Generation generation) override;
  void unsubscribe(Subject subject) override;
  bool publish(Subject subject, std::string_view envelope) override;
  void flush() override;
  std::size_t queued_bytes() const override;

  BusTotals totals() const override {
    return {.reconnects = counters_.reconnects,
            .publish_errors = counters_.publish_errors,
            .refused_full = counters_.refused};
  }
  const Counters& counters() const { return counters_; }
  const Shards& shards() const { return shards_; }

 private:
  class Subscriber;
  struct Want {
    Generation generation = Generation::kNone;
    const Subscriber* at = nullptr;  // where it was asked for
    bool is_confirmed = false;
    bool is_told = false;    // that it is interrupted
    std::uint8_t moves = 0;  // redirections since the last tick or confirmation
  };

  void on_shards_changed() override;
  void on_shard_lost(const net::Address& server, std::string_view why) override;
  void lose(const std::string& why);
  void tick();
  void place(Subject subject, Want& want);
  Subscriber& subscriber_at(const net::Address& server);
  void subscriber_ready(Subscriber& subscriber);
  void subscriber_lost(Subscriber& subscriber, std::string_view why);
  void pushed(const Subscriber& from, const Reply& push);
  void confirmed(Subscriber& from, Subject subject, Generation generation, const Reply& reply);
  void refused(Subscriber& from, Subject subject, const Reply& reply);
  void interrupt(Subject subject, Want& want);
  std::vector<Subject> wanted() const;
  Want* find(Subject subject);

  net::Loop& loop_;
  net::Resolver& resolver_;
  BusEvents& events_;
  const ChannelNames names_;
  Shards shards_;
  std::vector<std::unique_ptr<Subscriber>> subscribers_;
  base::FlatMap<std::uint32_t, Want> wants_;  // by number_of(subject)
  bool is_started_ = false;
  bool is_open_ = false;
  bool was_lost_ = false;
  std::string told_;  // the last on_lost, while it lasts
  net::TimerId tick_ = net::TimerId::kNone;
  Counters counters_;
};

}  // namespace mr::cluster::redis
