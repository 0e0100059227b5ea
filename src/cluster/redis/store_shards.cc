#include "cluster/redis/store_shards.h"

#include <set>
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
  return command_on(slot_of(key), args, std::move(on_reply));
}

std::vector<std::string> StoreShards::servers() const {
  std::set<std::string> servers;
  const net::Address* last = nullptr;
  for (std::uint16_t slot = 0; slot < kSlots; ++slot) {
    const net::Address* const owner = shards_.owner(slot);
    if (owner != nullptr && owner != last) servers.insert(net::to_text(*owner));
    last = owner;
  }
  return {servers.begin(), servers.end()};
}

// By any of its slots: who has no key in its arguments is redirected by nobody.
bool StoreShards::command_at(std::string_view server, std::span<const std::string_view> args,
                             OnReply on_reply) {
  const net::Address* last = nullptr;
  for (std::uint16_t slot = 0; slot < kSlots; ++slot) {
    const net::Address* const owner = shards_.owner(slot);
    if (owner != nullptr && owner != last && net::to_text(*owner) == server) {
      return command_on(slot, args, std::move(on_reply));
    }
    last = owner;
  }
  return false;
}

bool StoreShards::command_on(std::uint16_t slot, std::span<const std::string_view> args,
                             OnReply on_reply) {
  return shards_.command(
      slot, args,
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
