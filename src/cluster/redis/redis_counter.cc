#include "cluster/redis/redis_counter.h"

#include <array>
#include <utility>

namespace mr::cluster::redis {
namespace {

// KEYS[1] the counter; ARGV[1] the interval, ARGV[2] who asks, ARGV[3] how long it lives in ms.
// Gives what it held before.
constexpr std::string_view kCount = R"(local was = redis.call('GET', KEYS[1]) or ''
local n = (tonumber(string.match(was, '^(%d+)/')) or 0) + 1
if n >= tonumber(ARGV[1]) then n = 0 end
redis.call('SET', KEYS[1], n .. '/' .. ARGV[1] .. ' ' .. ARGV[2], 'PX', ARGV[3])
return was)";

}  // namespace

struct RedisCounter::Asked {
  CountRequestRef request;
  net::TimerId timer = net::TimerId::kNone;
  bool is_open = true;
};

RedisCounter::RedisCounter(net::Loop& loop, Source source, CounterEvents& events)
    : loop_(loop),
      source_(std::move(source)),
      life_ms_(std::to_string(source_.life / std::chrono::milliseconds(1))),
      events_(events) {}

void RedisCounter::stop() {
  *std::exchange(alive_, std::make_shared<bool>(true)) = false;
  source_.route->stop();
}

bool RedisCounter::count(const CountRequestRef& request) {
  const std::string key = name_of(request->key);
  const std::string interval = std::to_string(request->interval);
  const std::array<std::string_view, 7> args{"EVAL",   kCount,       "1",     key,
                                             interval, source_.node, life_ms_};
  auto asked = std::make_shared<Asked>(Asked{request});
  const bool is_taken = source_.route->command(
      key, args, [this, asked, alive = alive_](const Reply& reply, StoreLife) {
        if (*alive && std::exchange(asked->is_open, false)) answered(asked, reply);
      });
  if (!is_taken) return false;
  asked->timer = loop_.after(patience_, [this, asked, alive = alive_] {
    if (*alive && std::exchange(asked->is_open, false)) unanswered(asked);
  });
  return true;
}

std::string RedisCounter::name_of(const CounterKey& key) const {
  return source_.prefix + ":delta_count:" + counter_name(key);
}

// With kLost when nobody can be asked.
void RedisCounter::ask(std::string_view verb, const CounterKey& key,
                       base::Function<void(const Reply&)> done) {
  const std::string name = name_of(key);
  const std::array<std::string_view, 2> args{verb, name};
  auto shared = std::make_shared<base::Function<void(const Reply&)>>(std::move(done));
  const bool is_taken = source_.route->command(
      name, args, [shared](const Reply& reply, StoreLife) { (*shared)(reply); });
  if (!is_taken) (*shared)(Reply{.kind = Reply::Kind::kLost});
}

void RedisCounter::read(const CounterKey& key, base::Function<void(std::optional<Count>)> done) {
  ask("GET", key, [done = std::move(done)](const Reply& reply) mutable {
    const bool is_there = reply.kind == Reply::Kind::kText || reply.kind == Reply::Kind::kNil;
    done(is_there ? std::optional(parse_count(reply.text)) : std::nullopt);
  });
}

void RedisCounter::reset(const CounterKey& key, base::Function<void(bool)> done) {
  ask("DEL", key, [done = std::move(done)](const Reply& reply) mutable {
    done(reply.kind == Reply::Kind::kInteger);
  });
}

void RedisCounter::answered(const std::shared_ptr<Asked>& asked, const Reply& reply) {
  loop_.cancel(asked->timer);
  if (reply.kind != Reply::Kind::kText) {
    if (reply.is_error()) refusal_ = "Redis refuses to count: " + reply.text;
    return unanswered(asked);
  }
  refusal_.clear();
  const Count before = parse_count(reply.text);
  const std::uint32_t place = before.count + 1;
  const bool is_full = place >= asked->request->interval;
  events_.on_answer(true);
  events_.on_counted(asked->request, {place, is_full, before});
}

void RedisCounter::unanswered(const std::shared_ptr<Asked>& asked) {
  events_.on_answer(false);
  events_.on_uncounted(asked->request);
}

}  // namespace mr::cluster::redis
