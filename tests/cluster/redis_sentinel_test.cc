#include "support/redis_sentinel.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "cluster/ask_registry.h"
#include "cluster/bus_contract.h"
#include "cluster/counter_contract.h"
#include "cluster/epoll_driver.h"
#include "cluster/redis/redis_bus.h"
#include "cluster/redis/redis_counter.h"
#include "cluster/redis/redis_registry.h"
#include "cluster/redis/redis_store.h"
#include "cluster/redis/store_server.h"
#include "cluster/store_contract.h"
#include "net/worker_thread.h"

namespace mr::cluster::test {
namespace {

using namespace std::chrono_literals;
using mr::test::RedisServer;
using mr::test::SentinelGroup;
using redis::RedisBus;
using redis::RedisOptions;

constexpr Subject kSubject = partition_subject(3);

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

class Sentinels final : public BackEnd {
 public:
  explicit Sentinels(const SentinelGroup::Options& options = {})
      : Sentinels(std::make_shared<SentinelGroup>(options)) {}
  explicit Sentinels(std::shared_ptr<SentinelGroup> of) : owned_(std::move(of)), group(*owned_) {
    with.sentinel.servers = group.addresses();
    // Nobody is there: only the sentinels say where.
    with.host = "192.0.2.1";
    worker_.start();
  }
  ~Sentinels() override { worker_.stop(); }

  net::Loop& loop() override { return driver_.loop(); }
  bool run_until(const std::function<bool()>& done, base::Duration limit) override {
    return driver_.run_until(done, limit);
  }
  std::unique_ptr<Bus> make_bus(const BusSetup& setup, BusEvents& events) override {
    RedisOptions options = with;
    options.prefix = setup.prefix;
    options.queue_bytes_max = setup.queue_bytes_max;
    return std::make_unique<RedisBus>(driver_.loop(), resolver_, options, events);
  }
  std::unique_ptr<redis::StoreRoute> make_route(const RedisOptions& options) {
    return std::make_unique<redis::StoreServer>(driver_.loop(), resolver_, options,
                                                [](const std::string&) {});
  }
  std::unique_ptr<redis::RedisRegistry> make_registry() {
    return std::make_unique<redis::RedisRegistry>(with, make_route(with));
  }
  void start_broker() override { group.servers[0]->start(); }
  void stop_broker() override { group.servers[0]->kill(); }
  void pause_broker() override { group.servers[0]->pause(); }
  void resume_broker() override { group.servers[0]->resume(); }
  std::string address() const override {
    return "127.0.0.1:" + std::to_string(group.servers[0]->port());
  }

 private:
  const std::shared_ptr<SentinelGroup> owned_;

 public:
  SentinelGroup& group;
  RedisOptions with;  // of what is made from now on

 private:
  EpollDriver driver_;
  net::WorkerThread worker_;
  net::Resolver resolver_{worker_};
};

INSTANTIATE_TEST_SUITE_P(RedisSentinel, BusContract,
                         testing::Values(+[]() -> std::unique_ptr<BackEnd> {
                           return std::make_unique<Sentinels>();
                         }),
                         [](const auto&) { return std::string("ThreeAndThree"); });

// The six servers are for all tests of a contract, and empty at first.
class SentinelStores final : public StoreBackEnd {
 public:
  explicit SentinelStores(std::shared_ptr<SentinelGroup> of) : redis_(std::move(of)) {
    redis_.group.servers[0]->ask("FLUSHALL");
  }

  net::Loop& loop() override { return redis_.loop(); }
  bool run_until(const std::function<bool()>& done, base::Duration limit) override {
    return redis_.run_until(done, limit);
  }
  std::unique_ptr<Store> make_store(const StoreSetup& setup) override {
    RedisOptions options = redis_.with;
    options.prefix = setup.prefix;
    return std::make_unique<redis::RedisStore>(redis_.loop(), options, setup.times,
                                               redis_.make_route(options));
  }
  void start_broker() override { redis_.start_broker(); }
  void stop_broker() override { redis_.stop_broker(); }
  void pause_broker() override { redis_.pause_broker(); }
  void resume_broker() override { redis_.resume_broker(); }
  std::string address() const override { return redis_.address(); }

 private:
  Sentinels redis_;
};

INSTANTIATE_TEST_SUITE_P(RedisSentinel, StoreContract, testing::Values(+[] {
                           static const auto kGroup = std::make_shared<SentinelGroup>();
                           return std::unique_ptr<StoreBackEnd>(new SentinelStores(kGroup));
                         }),
                         [](const auto&) { return std::string("ThreeAndThree"); });

class SentinelCounters final : public CounterBackEnd {
 public:
  explicit SentinelCounters(std::shared_ptr<SentinelGroup> of) : redis_(std::move(of)) {
    redis_.group.servers[0]->ask("FLUSHALL");
  }

  net::Loop& loop() override { return redis_.loop(); }
  bool run_until(const std::function<bool()>& done, base::Duration limit) override {
    return redis_.run_until(done, limit);
  }
  std::unique_ptr<Counter> make_counter(const std::string& node, CounterEvents& events) override {
    return std::make_unique<redis::RedisCounter>(
        redis_.loop(),
        redis::RedisCounter::Source{redis_.make_route(redis_.with), redis_.with, node}, events);
  }
  void start_broker() override { redis_.start_broker(); }
  void stop_broker() override { redis_.stop_broker(); }
  void pause_broker() override { redis_.pause_broker(); }
  void resume_broker() override { redis_.resume_broker(); }

 private:
  Sentinels redis_;
};

INSTANTIATE_TEST_SUITE_P(RedisSentinel, CounterContract, testing::Values(+[] {
                           static const auto kGroup = std::make_shared<SentinelGroup>();
                           return std::unique_ptr<CounterBackEnd>(new SentinelCounters(kGroup));
                         }),
                         [](const auto&) { return std::string("ThreeAndThree"); });

bool open(BackEnd& back_end, Listener& listener) {
  listener.start();
  return back_end.run_until([&] { return listener.is_open; }, 10s);
}

std::string loss_of(Sentinels& redis, Listener& listener) {
  listener.start();
  EXPECT_TRUE(redis.run_until([&] { return !listener.losses.empty(); }, 5s));
  return listener.losses.empty() ? "" : listener.losses.back();
}

TEST(RedisSentinelTest, AFailoverIsFollowedWithinASecondAndTheOldPrimaryIsLeftAlone) {
  Sentinels redis({.down_after = 500ms});
  Listener node(redis);
  std::uint32_t generation = 0;
  node.when_open = [&] { node.subscribe(kSubject, ++generation); };
  const auto is_subscribed = [&] {
    return node.is_open && node.has_confirmed(kSubject, generation);
  };
  node.start();
  ASSERT_TRUE(redis.run_until(is_subscribed, 10s));
  const auto registry = redis.make_registry();
  const auto ask = [&] {
    return ask_until([&](const auto& done) { redis.run_until(done, 10s); }, *registry, BootId{1},
                     [](const Registry::Lines& lines) { return lines.size() == 1; });
  };
  ASSERT_TRUE(ask());
  for (int round = 0; round < 2; ++round) {
    RedisServer* const old = redis.group.primary();
    ASSERT_NE(old, nullptr);
    old->kill();
    RedisServer* next = nullptr;
    // Asking takes a moment; the loop runs meanwhile.
    ASSERT_TRUE(redis.run_until(
        [&] {
          next = redis.group.primary();
          return next != nullptr && next != old && redis.group.is_primary(*next);
        },
        30s))
        << "no sentinel elects another one";
    const base::TimePoint writable = redis.loop().clock().now();
    ASSERT_TRUE(redis.run_until(is_subscribed, 5s));
    const auto outage = redis.loop().clock().now() - writable;
    RecordProperty("resubscribed_after_ms_" + std::to_string(round),
                   static_cast<int>(outage / 1ms));
    EXPECT_LE(outage, 1s);
    EXPECT_TRUE(has(next->ask("PUBSUB NUMSUB millrace:0:bus:3"), ":1"));
    EXPECT_TRUE(ask());

    old->start();
    ASSERT_TRUE(redis.run_until([&] { return has(old->ask("ROLE"), "slave"); }, 30s));
    node.got.clear();
    ASSERT_TRUE(redis.run_until([&] { return node.publish(kSubject, "after"); }, 5s));
    ASSERT_TRUE(redis.run_until([&] { return !node.got.empty(); }, 5s));
    EXPECT_TRUE(has(old->ask("PUBSUB NUMSUB millrace:0:bus:3"), ":0")) << "nobody listens there";
  }
}

TEST(RedisSentinelTest, APrimaryThatLivesOnWhereSentinelsNoMoreLookIsLeft) {
  Sentinels redis;
  Listener node(redis);
  ASSERT_TRUE(open(redis, node));
  // A failover that its clients do not hear of: it stands, and nobody cuts their connections.
  for (const auto& sentinel : redis.group.sentinels) {
    sentinel->ask("SENTINEL REMOVE mymaster");
    sentinel->ask("SENTINEL MONITOR mymaster 127.0.0.1 " +
                  std::to_string(redis.group.servers[1]->port()) + " 3");
  }
  redis.group.servers[1]->ask("REPLICAOF NO ONE");
  ASSERT_TRUE(redis.run_until([&] { return !node.losses.empty(); }, 3s));
  EXPECT_TRUE(has(node.losses[0], "no more")) << node.losses[0];
  ASSERT_TRUE(redis.run_until([&] { return node.is_open; }, 5s));
  node.subscribe(kSubject);
  ASSERT_TRUE(redis.run_until([&] { return node.has_confirmed(kSubject); }, 5s));
  EXPECT_TRUE(has(redis.group.servers[1]->ask("PUBSUB NUMSUB millrace:0:bus:3"), ":1"));
}

TEST(RedisSentinelTest, DeadAndHungSentinelsArePassedOver) {
  Sentinels redis;
  redis.group.sentinels[0]->kill();
  redis.group.sentinels[1]->pause();
  Listener node(redis);
  EXPECT_TRUE(open(redis, node));
  redis.group.sentinels[1]->resume();
  for (const auto& sentinel : redis.group.sentinels) sentinel->kill();
  // What stands goes on without them.
  redis.run_until([] { return false; }, 1500ms);
  EXPECT_TRUE(node.losses.empty()) << node.losses[0];
}

TEST(RedisSentinelTest, WithoutASentinelTheTextNamesOneAndTheKey) {
  Sentinels redis;
  for (const auto& sentinel : redis.group.sentinels) sentinel->kill();
  Listener node(redis);
  const std::string why = loss_of(redis, node);
  EXPECT_TRUE(has(why, "no sentinel names a primary")) << why;
  EXPECT_TRUE(has(why, std::to_string(redis.group.sentinels[2]->port()))) << why;
  EXPECT_TRUE(has(why, "database.redis.sentinels")) << why;
}

TEST(RedisSentinelTest, ANameThatNoSentinelKnowsIsTold) {
  Sentinels redis;
  redis.with.sentinel.primary = "other";
  Listener node(redis);
  EXPECT_TRUE(has(loss_of(redis, node), "database.redis.name"));
}

TEST(RedisSentinelTest, AReplicaThatASentinelNamesIsNotTaken) {
  Sentinels redis;
  for (const auto& sentinel : redis.group.sentinels) {
    sentinel->ask("SENTINEL REMOVE mymaster");
    sentinel->ask("SENTINEL MONITOR mymaster 127.0.0.1 " +
                  std::to_string(redis.group.servers[1]->port()) + " 3");
  }
  Listener node(redis);
  const std::string why = loss_of(redis, node);
  EXPECT_TRUE(has(why, "a failover is under way")) << why;
  EXPECT_FALSE(redis.run_until([&] { return node.is_open; }, 500ms));
}

TEST(RedisSentinelTest, SentinelsWithAPasswordAreSignedInTo) {
  Sentinels redis({.password = "hunter22"});
  {
    Listener node(redis);
    const std::string why = loss_of(redis, node);
    EXPECT_TRUE(has(why, "NOAUTH")) << why;
    EXPECT_TRUE(has(why, "database.redis.sentinel_password")) << why;
  }
  redis.with.sentinel.password = "hunter22";
  Listener node(redis);
  EXPECT_TRUE(open(redis, node)) << node.losses.back();
}

TEST(RedisSentinelTest, WhatIsNoAnswerOfASentinelIsTold) {
  using redis::Reply;
  const auto text = [](std::string value) {
    return Reply{.kind = Reply::Kind::kText, .text = std::move(value)};
  };
  const auto read = [](std::vector<Reply> elements) {
    return redis::read_primary(Reply{.kind = Reply::Kind::kArray, .elements = std::move(elements)},
                               "s:1", {});
  };
  EXPECT_EQ(read({text("10.0.0.1"), text("6379")}).value().port, 6379);
  EXPECT_EQ(read({text("::1"), text("65535")}).value().host, "::1");
  for (const char* port : {"0", "65536", "x", "", "-1", "6379 "}) {
    EXPECT_FALSE(read({text("10.0.0.1"), text(port)}).ok()) << port;
  }
  EXPECT_FALSE(read({text(""), text("1")}).ok());
  EXPECT_FALSE(read({text("a")}).ok());
  EXPECT_FALSE(read({}).ok());
}

}  // namespace
}  // namespace mr::cluster::test
