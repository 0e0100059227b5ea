#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "cluster/bus.h"
#include "cluster/redis/channel_names.h"
#include "cluster/redis/connection.h"
#include "cluster/redis/options.h"
#include "net/loop.h"
#include "net/resolve.h"

namespace mr::cluster::redis {

// The bus over pub/sub of one Redis: one connection subscribes, one publishes; both stand, or it is
// lost. A loss is reported once, and again only when its reason changes; it tries again with jitter
// for ever. A subscription that Redis refuses is a loss, a publish that it refuses is counted.
// The resolver outlives it. Not destroyed inside its own reports.
class RedisBus final : public Bus {
 public:
  struct Counters {
    std::uint64_t reconnects = 0;      // openings after a loss
    std::uint64_t publish_errors = 0;  // error replies to PUBLISH
    std::uint64_t refused_full = 0;    // envelopes that found the queue full
    std::uint64_t strays = 0;          // messages of channels that are not of this bus
    std::string last_error{};          // what Redis refused last, or why it was lost
  };

  RedisBus(net::Loop& loop, net::Resolver& resolver, RedisOptions options, BusEvents& events);
  RedisBus(const RedisBus&) = delete;
  RedisBus& operator=(const RedisBus&) = delete;
  ~RedisBus() override { stop(); }

  void start() override;
  void stop() override;
  void subscribe(Subject subject, Generation generation) override;
  void unsubscribe(Subject subject) override;
  bool publish(Subject subject, std::string_view envelope) override;
  void flush() override;
  std::size_t queued_bytes() const override;

  BusTotals totals() const override {
    return {counters_.reconnects, counters_.publish_errors, counters_.refused_full, 0};
  }
  const Counters& counters() const { return counters_; }

 private:
  class Link final : public ConnectionEvents {
   public:
    explicit Link(RedisBus& bus);
    void on_ready() override { bus_.link_ready(); }
    void on_push(const Reply& push) override { bus_.pushed(push); }
    void on_closed(std::string_view why) override { bus_.lose(std::string(why)); }

    Connection connection;

   private:
    RedisBus& bus_;
  };

  void open();
  void link_ready();
  void lose(const std::string& why);
  void retry_later();
  void pushed(const Reply& push);
  bool confirmed(const Reply& reply, std::string_view command);
  void published(const Reply& reply);

  net::Loop& loop_;
  net::Resolver& resolver_;
  const RedisOptions options_;
  BusEvents& events_;
  const ChannelNames names_;
  Link subscriber_{*this};
  Link publisher_{*this};
  bool is_started_ = false;
  bool is_open_ = false;
  std::string told_;  // the last on_lost, while it lasts
  bool was_lost_ = false;
  base::TimePoint opened_at_{};
  base::Duration wait_{};
  net::TimerId retry_ = net::TimerId::kNone;
  Counters counters_;
};

}  // namespace mr::cluster::redis
