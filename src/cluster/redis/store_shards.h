#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/function.h"
#include "cluster/redis/shards.h"
#include "cluster/redis/store_route.h"

namespace mr::cluster::redis {

// A Redis Cluster as the store: each key where its slot is, over connections of its own. The
// resolver outlives it.
class StoreShards final : public StoreRoute, private ShardsEvents {
 public:
  // As that of StoreServer.
  using OnWarning = base::Function<void(const std::string& why)>;

  StoreShards(net::Loop& loop, net::Resolver& resolver, RedisOptions options, OnWarning on_warning);
  ~StoreShards() override { stop(); }

  void start() override;
  void stop() override;
  bool command(std::string_view key, std::span<const std::string_view> args,
               OnReply on_reply) override;
  std::vector<std::string> servers() const override;
  bool command_at(std::string_view server, std::span<const std::string_view> args,
                  OnReply on_reply) override;
  std::string where(std::string_view key) const override;
  const std::string& problem() const override { return problem_; }

 private:
  bool command_on(std::uint16_t slot, std::span<const std::string_view> args, OnReply on_reply);
  void on_shards_changed() override;
  void on_shard_facts(const net::Address& server, std::string_view facts) override;
  void on_shard_lost(const net::Address&, std::string_view why) override { problem_ = why; }

  OnWarning on_warning_;
  Shards shards_;
  std::string problem_;
  std::shared_ptr<bool> lease_ = std::make_shared<bool>(true);  // until it is stopped
};

}  // namespace mr::cluster::redis
