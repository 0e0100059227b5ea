#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "cluster/counter.h"
#include "cluster/redis/options.h"
#include "cluster/redis/store_route.h"
#include "net/loop.h"

namespace mr::cluster::redis {

// The counters in Redis: a key each, "{prefix}:delta_count:{app}:{channel}:{key}", which holds what
// format_count() makes. One script per message, pipelined, counts, wraps and sets the time to live
// at once; a question is sent once.
class RedisCounter final : public Counter {
 public:
  struct Source {
    std::unique_ptr<StoreRoute> route;
    RedisOptions options;
    std::string node;  // this one's name
    base::Duration life = std::chrono::minutes(5);
  };
  RedisCounter(net::Loop& loop, Source source, CounterEvents& events);
  ~RedisCounter() override { stop(); }

  void start() override { source_.route->start(); }
  void stop() override;
  void set_patience(base::Duration patience) override { patience_ = patience; }
  bool count(const CountRequestRef& request) override;
  void read(const CounterKey& key, base::Function<void(std::optional<CounterState>)> done) override;
  void list(const CounterQuery& query, base::Function<void(CounterPage)> done) override;
  void reset(const CounterKey& key, base::Function<void(bool)> done) override;
  std::string_view backend() const override { return "Redis"; }
  const std::string& problem() const override {
    return source_.route->problem().empty() ? refusal_ : source_.route->problem();
  }

 private:
  struct Asked;
  struct Look;
  struct Listing;
  using LookRef = std::shared_ptr<Look>;
  using ListingRef = std::shared_ptr<Listing>;

  std::string name_of(const CounterKey& key) const;
  std::string names_of(const CounterQuery& query) const;
  void ask(std::string_view verb, const CounterKey& key, StoreRoute::OnReply done);
  void look(const CounterKey& key, base::Function<void(Look&)> done);
  void take_count(Look& look, const Reply& reply, StoreLife life) const;
  void scan(const ListingRef& listing);
  void scanned(const ListingRef& listing, const Reply& reply);
  void step(const ListingRef& listing);
  static void end(const ListingRef& listing, std::string problem = {});
  std::string problem_of(const Reply& reply, std::string_view where, std::string_view verb) const;
  void answered(const std::shared_ptr<Asked>& asked, const Reply& reply);
  void unanswered(const std::shared_ptr<Asked>& asked);

  net::Loop& loop_;
  const Source source_;
  const std::string life_ms_;
  CounterEvents& events_;
  base::Duration patience_ = std::chrono::milliseconds(50);
  std::string refusal_;  // of the last request, when it was refused
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // until it is stopped
};

}  // namespace mr::cluster::redis
