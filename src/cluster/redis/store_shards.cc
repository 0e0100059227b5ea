#include "cluster/redis/store_shards.h"

#include <utility>

#include "cluster/redis/server_facts.h"
#include "net/address.h"

namespace mr::cluster::redis {

StoreShards::StoreShards(net::Loop& loop, net::Resolver& resolver, RedisOptions options,
                         OnWarning on_warning)
    : on_warning_(std::move(on_warning)),
      shards_(loop, resolver, std::move(options), *this),
      problem_("there is no connection to the Redis Cluster yet") {}

void StoreShards::start() { shards_.open(); }

void StoreShards::stop() {
  *std::exchange(lease_, std::make_shared<bool>(true)) = false;
  shards_.close();
}

bool StoreShards::command(std::string_view key, std::span<const std::string_view> args,
                          OnReply on_reply) {
  return shards_.command(
      slot_of(key), args,
      [lease = lease_, on_reply = std::move(on_reply)](const Reply& reply, StoreLife life) mutable {
        if (*lease) on_reply(reply, life);
      });
}

std::string StoreShards::where(std::string_view key) const {
  const net::Address* const owner = shards_.owner(slot_of(key));
  return owner == nullptr ? "the Redis Cluster" : "Redis at " + net::to_text(*owner);
}

void StoreShards::on_shards_changed() {
  if (shards_.is_whole()) problem_.clear();
}

void StoreShards::on_shard_facts(const net::Address& server, std::string_view facts) {
  if (const auto problem = eviction_problem("Redis at " + net::to_text(server), facts)) {
    on_warning_(*problem);
  }
}

}  // namespace mr::cluster::redis
