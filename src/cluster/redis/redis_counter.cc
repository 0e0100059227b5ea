#include "cluster/redis/redis_counter.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <set>
#include <utility>
#include <vector>

#include "cluster/redis/error_text.h"

namespace mr::cluster::redis {
namespace {

// KEYS[1] the counter; ARGV[1] the interval, ARGV[2] who asks, ARGV[3] how long it lives in ms.
// Gives what it held before.
constexpr std::string_view kCount = R"(local was = redis.call('GET', KEYS[1]) or ''
local n = (tonumber(string.match(was, '^(%d+)/')) or 0) + 1
if n >= tonumber(ARGV[1]) then n = 0 end
redis.call('SET', KEYS[1], n .. '/' .. ARGV[1] .. ' ' .. ARGV[2], 'PX', ARGV[3])
return was)";

// How many keys a step of SCAN looks at.
constexpr std::string_view kScanStep = "500";

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
  return source_.options.prefix + ":delta_count:" + counter_name(key);
}

// With kLost when nobody can be asked.
void RedisCounter::ask(std::string_view verb, const CounterKey& key, StoreRoute::OnReply done) {
  const std::string name = name_of(key);
  const std::array<std::string_view, 2> args{verb, name};
  auto shared = std::make_shared<StoreRoute::OnReply>(std::move(done));
  const bool is_taken = source_.route->command(
      name, args, [shared](const Reply& reply, StoreLife life) { (*shared)(reply, life); });
  if (!is_taken) (*shared)(Reply{.kind = Reply::Kind::kLost}, StoreLife::kNone);
}

void RedisCounter::reset(const CounterKey& key, base::Function<void(bool)> done) {
  ask("DEL", key, [done = std::move(done)](const Reply& reply, StoreLife) mutable {
    done(reply.kind == Reply::Kind::kInteger);
  });
}

// --- operators ---------------------------------------------------------------------------------

// What a counter holds and how long it lives, asked together.
struct RedisCounter::Look {
  CounterState state;
  base::Function<void(Look&)> done;
  bool is_there = false;
  std::string problem{};  // it could not be read
  int open = 2;           // answers that are missing

  void end_one() {
    if (--open == 0) done(*this);
  }
};

void RedisCounter::read(const CounterKey& key,
                        base::Function<void(std::optional<CounterState>)> done) {
  look(key, [done = std::move(done)](Look& look) mutable {
    if (!look.problem.empty()) return done(std::nullopt);
    done(std::move(look.state));
  });
}

void RedisCounter::look(const CounterKey& key, base::Function<void(Look&)> done) {
  auto look = std::make_shared<Look>(Look{{.key = key, .count = {}}, std::move(done)});
  ask("GET", key, [this, look, alive = alive_](const Reply& reply, StoreLife life) {
    if (!*alive) return;
    take_count(*look, reply, life);
    look->end_one();
  });
  ask("PTTL", key, [this, look, alive = alive_](const Reply& reply, StoreLife) {
    if (!*alive) return;
    const bool has_end = reply.kind == Reply::Kind::kInteger && reply.integer >= 0;
    if (has_end) look->state.ends_in = std::chrono::milliseconds(reply.integer);
    if (reply.kind != Reply::Kind::kInteger) {
      look->problem = problem_of(reply, source_.route->where(name_of(look->state.key)), "PTTL");
    }
    look->end_one();
  });
}

void RedisCounter::take_count(Look& look, const Reply& reply, StoreLife life) const {
  look.is_there = reply.kind == Reply::Kind::kText;
  look.state.life = life;
  if (look.is_there) {
    look.state.count = parse_count(reply.text);
  } else if (reply.kind != Reply::Kind::kNil && !reply.text.starts_with("WRONGTYPE")) {
    look.problem = problem_of(reply, source_.route->where(name_of(look.state.key)), "GET");
  }
}

std::string RedisCounter::problem_of(const Reply& reply, std::string_view where,
                                     std::string_view verb) const {
  if (reply.is_error()) return explain(where, verb, reply.text, source_.options);
  if (!source_.route->problem().empty()) return source_.route->problem();
  return std::string(where) + " does not answer; try again";
}

// One page: SCAN walks the keys of one server after the other, and what a step names is looked at
// before the next one.
struct RedisCounter::Listing {
  CounterQuery query;
  base::TimePoint began{};
  base::Function<void(CounterPage)> done;
  std::string names{};   // a pattern
  std::string server{};  // which is walked
  std::string place{};   // on it, in its words; "0": before the first step, and behind the last
  std::set<std::string> seen{};
  std::size_t open = 0;  // looks without an answer
  std::string problem{};
  CounterPage page{};

  // "127.0.0.1:6379/1234"
  std::string cursor() const { return server + "/" + place; }
  // False: it is none of ours.
  bool begin_at(std::string_view cursor, const std::vector<std::string>& servers) {
    const std::size_t slash = cursor.rfind('/');
    if (slash == std::string_view::npos) return false;
    server = cursor.substr(0, slash);
    place = cursor.substr(slash + 1);
    constexpr std::size_t kDigitsMax = 20;
    const bool is_number = !place.empty() && place.size() <= kDigitsMax &&
                           place.find_first_not_of("0123456789") == std::string::npos;
    return is_number && std::ranges::find(servers, server) != servers.end();
  }
};

void RedisCounter::list(const CounterQuery& query, base::Function<void(CounterPage)> done) {
  auto listing = std::make_shared<Listing>(Listing{query, loop_.clock().now(), std::move(done)});
  listing->names = names_of(query);
  const std::vector<std::string> servers = source_.route->servers();
  if (!query.cursor.empty() && !listing->begin_at(query.cursor, servers)) {
    return end(listing, unknown_cursor(query.cursor));
  }
  if (query.cursor.empty()) {
    if (servers.empty()) return end(listing, problem());
    listing->server = servers.front();
    listing->place = "0";
  }
  scan(listing);
}

// What SCAN takes for a pattern is escaped; a prefix has nothing of it.
std::string RedisCounter::names_of(const CounterQuery& query) const {
  const CounterKey key{query.app_id, query.channel, {}};
  std::string name = counter_name(key);  // "app:channel:"
  if (query.channel.empty()) name.pop_back();
  if (query.app_id.empty()) name.clear();
  std::string pattern = source_.options.prefix + ":delta_count:";
  for (const char c : name) {
    if (std::string_view("*?[]^-\\").find(c) != std::string_view::npos) pattern.push_back('\\');
    pattern.push_back(c);
  }
  return pattern + "*";
}

void RedisCounter::scan(const ListingRef& listing) {
  const std::array<std::string_view, 6> args{"SCAN",         listing->place, "MATCH",
                                             listing->names, "COUNT",        kScanStep};
  const bool is_taken = source_.route->command_at(
      listing->server, args, [this, listing, alive = alive_](const Reply& reply, StoreLife) {
        if (*alive) scanned(listing, reply);
      });
  if (!is_taken) end(listing, problem_of({.kind = Reply::Kind::kLost}, listing->server, "SCAN"));
}

void RedisCounter::scanned(const ListingRef& listing, const Reply& reply) {
  const bool is_step = reply.kind == Reply::Kind::kArray && reply.elements.size() == 2;
  if (!is_step) {
    return end(listing, problem_of(reply, "Redis at " + listing->server, "SCAN"));
  }
  listing->place = reply.elements[0].text;
  const std::size_t prefix = source_.options.prefix.size() + std::strlen(":delta_count:");
  std::vector<CounterKey> keys;
  for (const Reply& element : reply.elements[1].elements) {
    if (element.text.size() <= prefix || !listing->seen.insert(element.text).second) continue;
    auto key = parse_counter_name(std::string_view(element.text).substr(prefix));
    if (key && is_wanted(listing->query, *key)) keys.push_back(std::move(*key));
  }
  listing->open = keys.size() + 1;
  for (const CounterKey& key : keys) {
    look(key, [this, listing](Look& look) {
      if (!look.problem.empty()) listing->problem = look.problem;
      if (look.is_there) listing->page.counters.push_back(std::move(look.state));
      if (--listing->open == 0) step(listing);
    });
  }
  if (--listing->open == 0) step(listing);
}

void RedisCounter::step(const ListingRef& listing) {
  if (!listing->problem.empty()) return end(listing, std::move(listing->problem));
  if (listing->place == "0") {
    const std::vector<std::string> servers = source_.route->servers();
    const auto next = std::ranges::upper_bound(servers, listing->server);
    if (next == servers.end()) return end(listing);
    listing->server = *next;
  }
  const bool is_over = listing->page.counters.size() >= listing->query.limit ||
                       loop_.clock().now() - listing->began >= CounterPage::kPatience;
  if (!is_over) return scan(listing);
  listing->page.next = listing->cursor();
  end(listing);
}

void RedisCounter::end(const ListingRef& listing, std::string problem) {
  if (!problem.empty()) listing->page = {.counters = {}, .next = {}, .problem = std::move(problem)};
  listing->done(std::move(listing->page));
}

// -----------------------------------------------------------------------------------------------

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
