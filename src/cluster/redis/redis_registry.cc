#include "cluster/redis/redis_registry.h"

#include <charconv>
#include <memory>
#include <utility>
#include <vector>

#include "cluster/redis/error_text.h"

namespace mr::cluster::redis {
namespace {

// KEYS[1] the hash; ARGV[1] our boot, ARGV[2] our name, ARGV[3] the age in ms at which lines end.
constexpr std::string_view kBeat = R"(local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f', now) .. ' ' .. ARGV[2])
local all, live = redis.call('HGETALL', KEYS[1]), {}
for i = 1, #all, 2 do
  local at = tonumber(string.match(all[i + 1], '^(%d+) ')) or 0
  if now - at < tonumber(ARGV[3]) then live[#live + 1] = all[i]
  else redis.call('HDEL', KEYS[1], all[i]) end
end
redis.call('PEXPIRE', KEYS[1], 4 * ARGV[3])
return live)";
constexpr std::string_view kLineLifeMs = "15000";

}  // namespace

RedisRegistry::RedisRegistry(RedisOptions options, std::unique_ptr<StoreRoute> route)
    : options_(std::move(options)), key_(options_.prefix + ":nodes"), route_(std::move(route)) {}

void RedisRegistry::beat(BootId boot, std::string_view name,
                         base::Function<void(const Lines*)> done) {
  route_->start();
  const std::string own = std::to_string(static_cast<std::uint64_t>(boot));
  const std::vector<std::string_view> args = {"EVAL", kBeat, "1", key_, own, name, kLineLifeMs};
  // Either the reply or its refusal takes the continuation.
  auto shared = std::make_shared<base::Function<void(const Lines*)>>(std::move(done));
  const bool is_taken = route_->command(key_, args, [this, shared](const Reply& reply, StoreLife) {
    if (reply.kind != Reply::Kind::kArray) {
      problem_ = reply.is_error() ? explain(route_->where(key_), "EVAL", reply.text, options_)
                                  : reply.text;
      return (*shared)(nullptr);
    }
    problem_.clear();
    Lines lines;
    for (const Reply& element : reply.elements) {
      std::uint64_t number = 0;
      const std::string& text = element.text;
      const auto end = std::from_chars(text.data(), text.data() + text.size(), number).ptr;
      if (end == text.data() + text.size() && number != 0) lines.push_back(BootId{number});
    }
    (*shared)(&lines);
  });
  if (is_taken) return;
  problem_ = route_->problem();
  (*shared)(nullptr);
}

void RedisRegistry::leave(BootId boot) {
  const std::string own = std::to_string(static_cast<std::uint64_t>(boot));
  const std::vector<std::string_view> args = {"HDEL", key_, own};
  route_->command(key_, args, [](const Reply&, StoreLife) {});
}

}  // namespace mr::cluster::redis
