#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "channel/cache.h"
#include "channel/exchange.h"
#include "channel/fan_out.h"
#include "channel/home.h"
#include "channel/idempotency.h"
#include "channel/quota.h"

namespace mr::channel {
namespace {

using namespace std::chrono_literals;

constexpr base::TimePoint kStart{};

std::string key(int number) { return "key-" + std::to_string(number); }

CachedEvent event_of(std::string data, std::uint64_t time) {
  CachedEvent event{"e", std::move(data)};
  event.version.time = time;
  return event;
}

TEST(CacheTest, TheOldestMakesRoomAtTheBound) {
  Cache cache({3, 1 << 20, 60s}, 1);
  for (int i = 0; i < 3; ++i)
    cache.put(key(i), event_of("d", static_cast<std::uint64_t>(1 + i)), kStart);
  cache.put(key(0), event_of("again", 2001), kStart);
  EXPECT_EQ(cache.size(), 3U);
  EXPECT_EQ(cache.evicted(), 0U);
  cache.put(key(3), event_of("d", 2002), kStart);
  EXPECT_EQ(cache.size(), 3U);
  EXPECT_EQ(cache.evicted(), 1U);
  EXPECT_FALSE(cache.get(key(1), kStart)) << "put before the others, and not again";
  EXPECT_EQ(cache.get(key(0), kStart)->data, "again");
}

TEST(CacheTest, EventsLiveForTheirTime) {
  Cache cache({3, 1 << 20, 60s}, 1);
  cache.put(key(0), event_of("d", 2003), kStart);
  EXPECT_EQ(cache.get(key(0), kStart + 20s)->ttl_seconds, 40U);
  EXPECT_FALSE(cache.get(key(0), kStart + 60s));
  cache.put(key(1), event_of("d", 2004), kStart + 61s);
  EXPECT_EQ(cache.size(), 1U);
}

TEST(CacheTest, WritingOneKeyOftenIsBounded) {
  Cache cache({10, 1 << 20, 60s}, 1);
  cache.put(key(1), event_of("d", 2005), kStart);
  for (int i = 0; i < 1000; ++i)
    cache.put(key(0), event_of("d", static_cast<std::uint64_t>(2006 + i)), kStart);
  EXPECT_LE(cache.place_count(), 2U * 10 + 16);
}

// A busy channel pushed the events of quiet ones out, though there was room for all.
TEST(CacheTest, ABusyChannelLeavesTheQuietOnesTheirPlace) {
  Cache cache({10, 1 << 20, 60s}, 1);
  cache.put(key(1), event_of("quiet", 4006), kStart);
  for (int i = 0; i < 1000; ++i)
    cache.put(key(0), event_of("busy", static_cast<std::uint64_t>(4007 + i)), kStart);
  ASSERT_TRUE(cache.get(key(1), kStart));
  EXPECT_EQ(cache.get(key(1), kStart)->data, "quiet");
  EXPECT_EQ(cache.evicted(), 0U);
}

TEST(CacheTest, BytesAreBoundedTooAndGivenBack) {
  Cache cache({100, 4000, 60s}, 1);
  for (int i = 0; i < 10; ++i) cache.put(key(i), event_of(std::string(1000, 'x'), 1), kStart);
  EXPECT_EQ(cache.size(), 3U);
  EXPECT_EQ(cache.evicted(), 7U);
  EXPECT_LE(cache.bytes(), 4000U);
  cache.put(key(9), event_of("small", 2), kStart);
  EXPECT_LE(cache.bytes(), 2100U);
}

TEST(CacheTest, TheHighestVersionStaysWhateverComesLast) {
  Cache cache({3, 1 << 20, 60s}, 1);
  CachedEvent newest = event_of("newest", 7);
  newest.version.origin = 2;
  newest.is_ahead = true;
  cache.put(key(0), newest, kStart);
  CachedEvent lower = event_of("lower", 7);
  lower.version.origin = 1;
  cache.put(key(0), lower, kStart);
  cache.put(key(0), event_of("older", 6), kStart);
  EXPECT_EQ(cache.get(key(0), kStart)->data, "newest");
  EXPECT_TRUE(cache.get(key(0), kStart)->is_ahead);
  newest.is_ahead = false;  // the message itself came
  cache.put(key(0), newest, kStart);
  EXPECT_FALSE(cache.get(key(0), kStart)->is_ahead);
  cache.put(key(0), event_of("again", 6), kStart + 61s);
  EXPECT_EQ(cache.get(key(0), kStart + 61s)->data, "again") << "what is over is not newer";
}

// Begins a key; whether the caller is the first, or nothing while it waits.
std::vector<bool> begin(Idempotency& table, const std::string& name, base::TimePoint now) {
  std::vector<bool> firsts;
  table.begin(name, now,
              [&firsts](const Service::Idempotent& begun) { firsts.push_back(begun.first); });
  return firsts;
}

TEST(IdempotencyTest, TheOldestMakesRoomAtTheBound) {
  Idempotency table(3, 60s, 1);
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(begin(table, key(i), kStart), std::vector<bool>{true});
    table.settle(key(i), "answer");
  }
  EXPECT_EQ(table.size(), 3U);
  EXPECT_EQ(table.evicted(), 1U);
  EXPECT_EQ(begin(table, key(3), kStart), std::vector<bool>{false});
  EXPECT_EQ(begin(table, key(0), kStart), std::vector<bool>{true}) << "forgotten";
}

TEST(IdempotencyTest, AnswersLiveForTheirTime) {
  Idempotency table(3, 60s, 1);
  begin(table, key(0), kStart);
  table.settle(key(0), "answer");
  EXPECT_EQ(begin(table, key(0), kStart + 59s), std::vector<bool>{false});
  EXPECT_EQ(begin(table, key(0), kStart + 60s), std::vector<bool>{true});
}

// The places of keys whose requests failed stayed until their time was over, however many.
TEST(IdempotencyTest, KeysOfFailedRequestsAreBoundedToo) {
  Idempotency table(10, 60s, 1);
  begin(table, "lasting", kStart);
  table.settle("lasting", "answer");
  for (int i = 0; i < 1000; ++i) {
    begin(table, key(i), kStart);
    table.settle(key(i), "");
  }
  EXPECT_LE(table.size(), 10U);
  EXPECT_LE(table.place_count(), 2U * 10 + 1);
}

TEST(QuotaTest, TheLimitIsKeptAndNothingStaysBehind) {
  Quota quota(1);
  EXPECT_TRUE(quota.acquire("user", 2));
  EXPECT_TRUE(quota.acquire("user", 2));
  EXPECT_FALSE(quota.acquire("user", 2));
  EXPECT_TRUE(quota.acquire("other", 1));
  quota.release("user");
  EXPECT_TRUE(quota.acquire("user", 2));
  for (const char* name : {"user", "user", "other"}) quota.release(name);
  EXPECT_EQ(quota.size(), 0U);
}

// A loop port of two loops whose other mailbox holds what the test says.
class TestPort final : public LoopPort, public base::Clock {
 public:
  std::size_t self() const override { return 0; }
  std::size_t loop_count() const override { return 2; }
  void post(std::size_t, base::Task task, std::size_t) override { task(); }
  std::size_t mailbox_bytes(std::size_t) const override { return waiting_bytes; }
  void after(base::Duration, base::Task task) override { timers.push_back(std::move(task)); }
  const base::Clock& clock() const override { return *this; }
  base::TimePoint now() const override { return kStart; }
  base::WallTime wall_now() const override { return {}; }

  std::size_t waiting_bytes = 0;
  std::vector<base::Task> timers;
};

class TestSubscribers final : public Subscribers {
 public:
  void deliver(const model::MessageRef&) override { ++delivered; }
  std::uint32_t terminate_user(const std::string&, const std::string&, base::TimePoint) override {
    return 0;
  }
  int delivered = 0;
};

std::string plain(std::string_view text) { return std::string(text); }

TEST(HomeTest, AFullMailboxPausesTheRelease) {
  TestPort port;
  LocalOrder order;
  Options options;
  options.text_frame = plain;
  options.mailbox_bytes_max = 1000;
  Home home(port, order, options, 1);
  TestSubscribers here;
  TestSubscribers there;
  home.set_subscribers({&here, &there});
  model::AppOptions described;
  described.id = "a";
  const auto app = base::make_ref<const model::App>(described);
  const auto name = model::ChannelName::parse("c", 200).value();
  home.join({app, name, 1, {1, 1}, {}});
  int released = 0;
  const auto publish = [&] {
    home.publish({app, name, "e", "\"d\"", {}, {}}, [&](const Released& answer) {
      released += answer.status == PublishStatus::kReleased;
    });
  };
  port.waiting_bytes = 999;
  publish();
  EXPECT_EQ(released, 1);
  port.waiting_bytes = 1000;
  publish();
  EXPECT_EQ(released, 1);
  EXPECT_EQ(home.counters().paused_mailbox, 1U);
  port.waiting_bytes = 0;
  ASSERT_EQ(port.timers.size(), 1U);
  port.timers.front()();
  EXPECT_EQ(released, 2);
  EXPECT_EQ(there.delivered, 2);
}

TEST(HomeTest, AMemberThatJoinsAgainIsCountedOnceAndIsNoNews) {
  TestPort port;
  LocalOrder order;
  Options options;
  options.text_frame = plain;
  Home home(port, order, options, 1);
  TestSubscribers here;
  TestSubscribers there;
  home.set_subscribers({&here, &there});
  const auto app = base::make_ref<const model::App>(model::AppOptions{});
  const auto name = model::ChannelName::parse("presence-c", 200).value();
  const auto join = [&](std::uint64_t socket, const char* id, const char* info) {
    const std::string text = id;
    return home.join({app, name, 0, {socket, 1}, pusher::Member{'"' + text + '"', text, info}});
  };
  join(1, "witness", "{}");
  EXPECT_EQ(join(2, "again", "{}").subscription_count, 2U);
  EXPECT_EQ(here.delivered, 1);
  const JoinAnswer again = join(2, "again", "{}");
  EXPECT_EQ(again.subscription_count, 2U);
  EXPECT_EQ(again.members.size(), 2U);
  EXPECT_EQ(here.delivered, 1) << "no news";
  EXPECT_EQ(join(2, "again", "[1]").subscription_count, 2U);
  EXPECT_EQ(here.delivered, 3) << "removed and added with its new data";
  const std::string key = model::channel_key(app->options.id, name.text());
  home.leave(key, 0, {2, 1});
  home.leave(key, 0, {1, 1});
  EXPECT_EQ(home.channel_count(), 0U);
}

TEST(HomeTest, AMemberThatJoinsAgainIsCountedOnceInItsFormClass) {
  TestPort port;
  LocalOrder order;
  Options options;
  options.text_frame = plain;
  options.text_head = [](std::size_t) { return std::string(); };
  Home home(port, order, options, 1);
  TestSubscribers here;
  home.set_subscribers({&here, &here});
  const auto app = base::make_ref<const model::App>(model::AppOptions{});
  const auto name = model::ChannelName::parse("presence-c", 200).value();
  const std::string key = model::channel_key(app->options.id, name.text());
  const auto join = [&](const char* info, std::uint8_t counted, std::uint8_t wanted) {
    Join again{app, name, 0, {2, 1}, pusher::Member{"\"a\"", "a", info}};
    again.counted_class = counted;
    again.form_class = wanted;
    return home.join(again).start.has_value();
  };
  const auto kept_bytes = [&] {
    home.publish({app, name, "e", '"' + std::string(200, 'd') + '"', {}, {}},
                 [](const Released&) {});
    return home.chain_shop().bytes;
  };
  constexpr std::uint8_t kNone = delta::FormClass::kNone;
  home.join({app, name, 0, {1, 1}, pusher::Member{"\"w\"", "w", "{}"}});
  EXPECT_EQ(kept_bytes(), 0U);
  EXPECT_TRUE(join("{}", kNone, 0));
  EXPECT_TRUE(join("{}", 0, 0)) << "the same data";
  EXPECT_TRUE(join("[1]", 0, 1)) << "other data, another form";
  EXPECT_GT(kept_bytes(), 0U);
  EXPECT_FALSE(join("[1]", 1, kNone)) << "no deltas any more";
  EXPECT_EQ(kept_bytes(), 0U);
  EXPECT_TRUE(join("[1]", kNone, 1));
  home.leave(key, 0, {2, 1}, {1});
  EXPECT_EQ(kept_bytes(), 0U);
}

// A refused member whose loop did not know yet took the form class of another away: an assertion
// ended the process, or that one got no deltas any more.
TEST(HomeTest, ARefusedMemberThatChangesItsDeltasCountsNowhere) {
  TestPort port;
  LocalOrder order;
  Options options;
  options.text_frame = plain;
  options.text_head = [](std::size_t) { return std::string(); };
  Home home(port, order, options, 1);
  TestSubscribers here;
  home.set_subscribers({&here, &here});
  model::AppOptions small;
  small.max_presence_members_per_channel = 1;
  const auto app = base::make_ref<const model::App>(small);
  const auto name = model::ChannelName::parse("presence-c", 200).value();
  const std::string key = model::channel_key(app->options.id, name.text());
  constexpr std::uint8_t kNone = delta::FormClass::kNone;
  const auto join = [&](std::uint64_t socket, const char* id) {
    Join wanted{app, name, 0, {socket, 1}, pusher::Member{'"' + std::string(id) + '"', id, "{}"}};
    wanted.form_class = 0;
    return home.join(wanted);
  };
  EXPECT_FALSE(join(1, "a").is_refused);
  EXPECT_TRUE(join(2, "b").is_refused);
  home.start({key, {2, 1}, 0, kNone, false});
  home.start({key, {2, 1}, 0, 1, false});
  home.publish({app, name, "e", '"' + std::string(200, 'd') + '"', {}, {}}, [](const Released&) {});
  EXPECT_GT(home.chain_shop().bytes, 0U) << "the one who is there still gets deltas";
  home.leave(key, 0, {2, 1}, {1});
  home.leave(key, 0, {1, 1}, {0});
  EXPECT_EQ(home.channel_count(), 0U);
}

TEST(HomeTest, AUsersChannelAnnouncesNoCount) {
  TestPort port;
  LocalOrder order;
  Options options;
  options.text_frame = plain;
  Home home(port, order, options, 1);
  model::AppOptions described;
  described.enable_subscription_count = true;
  const auto app = base::make_ref<const model::App>(described);
  home.join({app, model::ChannelName::server_to_user("u"), 0, {1, 1}, {}});
  EXPECT_TRUE(port.timers.empty());
  home.join({app, model::ChannelName::parse("c", 200).value(), 0, {1, 1}, {}});
  EXPECT_EQ(port.timers.size(), 1U);
}

// How many of 20 names have their home on each of two loops.
std::pair<std::size_t, std::size_t> places(std::uint32_t partitions) {
  TestPort port;
  LocalOrder order;
  Options options;
  options.partitions = partitions;
  Home home(port, order, options, 1);
  Idempotency idempotency(10, 60s, 1);
  TestSubscribers subscribers;
  Quota first(1);
  Quota second(1);
  NoOtherNodes nodes;
  FanOut fan_out(port, options);
  const Peers peers{{{home, idempotency, first, subscribers, nodes, fan_out},
                     {home, idempotency, second, subscribers, nodes, fan_out}}};
  Exchange exchange(port, peers, options);
  for (int i = 0; i < 20; ++i)
    exchange.acquire(key(i), 1, [](bool granted) { EXPECT_TRUE(granted); });
  return {first.size(), second.size()};
}

TEST(ExchangeTest, NamesArePlacedByPartition) {
  EXPECT_EQ(places(1), (std::pair<std::size_t, std::size_t>(20, 0)));
  const auto [first, second] = places(1024);
  EXPECT_EQ(first + second, 20U);
  EXPECT_GT(first, 0U);
  EXPECT_GT(second, 0U);
}

}  // namespace
}  // namespace mr::channel
