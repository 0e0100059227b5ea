#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "cluster/redis/options.h"
#include "cluster/redis/store_route.h"
#include "cluster/store_requests.h"
#include "net/loop.h"

namespace mr::cluster::redis {

// Records in Redis: a key each, "{prefix}:{space}:{name}", what is not a letter, a digit or one of
// - . _ ~ in the name as %XX; its value is a random tag of 8 bytes, the revision, and the record's
// own. One script per write, on one key, so each may live on any server of a cluster.
class RedisStore final : public Store {
 public:
  RedisStore(net::Loop& loop, const RedisOptions& options, const StoreTimes& times,
             std::unique_ptr<StoreRoute> route);

  void start() override { route_->start(); }
  void stop() override;
  void read(const RecordKey& key, OnAnswer done) override;
  void write(const RecordKey& key, std::string_view value, Revision expected,
             OnAnswer done) override;
  void erase(const RecordKey& key, Revision expected, OnAnswer done) override;
  const std::string& problem() const override;
  StoreCounters counters() const override { return requests_.counters(); }

  std::string name_of(const RecordKey& key) const;

 private:
  using Ticket = StoreRequests::Ticket;

  void send(const std::string& key, std::span<const std::string_view> args, Ticket ticket,
            base::Function<bool(const Reply&, StoreAnswer&)> take);
  void refuse(Ticket ticket, std::string why);

  net::Loop& loop_;
  const RedisOptions options_;
  const StoreTimes times_;
  const std::unique_ptr<StoreRoute> route_;
  StoreRequests requests_;
  std::string refusal_;  // of the last request, when it was refused
};

}  // namespace mr::cluster::redis
