#include "cluster/redis/redis_bus.h"

#include <gtest/gtest.h>

#include "cluster/bus_contract.h"
#include "cluster/epoll_driver.h"
#include "cluster/redis/error_text.h"
#include "net/worker_thread.h"
#include "support/redis_server.h"

namespace mr::cluster::test {
namespace {

using namespace std::chrono_literals;
using mr::test::RedisServer;
using redis::RedisBus;
using redis::RedisOptions;

constexpr Subject kSubject = partition_subject(3);

// Made before and destroyed after what uses it.
class Redis final : public BackEnd {
 public:
  explicit Redis(const RedisServer::Options& options = {}) : server(options) {
    server.start();
    worker_.start();
  }
  ~Redis() override { worker_.stop(); }

  net::Loop& loop() override { return driver_.loop(); }
  bool run_until(const std::function<bool()>& done, base::Duration limit) override {
    return driver_.run_until(done, limit);
  }
  std::unique_ptr<Bus> make_bus(const BusSetup& setup, BusEvents& events) override {
    RedisOptions options = with;
    options.port = server.port();
    options.prefix = setup.prefix;
    options.queue_bytes_max = setup.queue_bytes_max;
    return std::make_unique<RedisBus>(driver_.loop(), resolver_, options, events);
  }
  void start_broker() override { server.start(); }
  void stop_broker() override { server.stop(); }
  void pause_broker() override { server.pause(); }
  void resume_broker() override { server.resume(); }
  std::string address() const override { return "127.0.0.1:" + std::to_string(server.port()); }

  static const RedisBus::Counters& counters_of(const Listener& listener) {
    return static_cast<const RedisBus&>(listener.bus()).counters();
  }

  RedisServer server;
  RedisOptions with;  // of buses that are made from now on

 private:
  EpollDriver driver_;
  net::WorkerThread worker_;
  net::Resolver resolver_{worker_};
};

std::unique_ptr<BackEnd> make_redis() { return std::make_unique<Redis>(); }

INSTANTIATE_TEST_SUITE_P(Redis, BusContract, testing::Values(&make_redis),
                         [](const auto&) { return std::string("Alone"); });

bool open(Redis& redis, Listener& listener) {
  listener.start();
  return redis.run_until([&] { return listener.is_open; }, 10s);
}

// The reason why it does not open.
std::string loss_of(Redis& redis, Listener& listener) {
  listener.start();
  EXPECT_TRUE(redis.run_until([&] { return !listener.losses.empty(); }, 3s));
  return listener.losses.empty() ? "" : listener.losses.back();
}

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

TEST(RedisBusTest, TwoDatabasesOfOneRedisNeverMeet) {
  Redis redis;
  Listener first(redis);
  redis.with.db = 1;
  Listener second(redis);
  for (Listener* each : {&first, &second}) {
    ASSERT_TRUE(open(redis, *each));
    each->subscribe(kSubject);
    ASSERT_TRUE(redis.run_until([&] { return each->has_confirmed(kSubject); }, 5s));
  }
  first.publish(kSubject, "0");
  ASSERT_TRUE(redis.run_until([&] { return !first.got.empty(); }, 5s));
  second.publish(kSubject, "1");
  ASSERT_TRUE(redis.run_until([&] { return !second.got.empty(); }, 5s));
  EXPECT_EQ(first.got.size(), 1U);
  EXPECT_EQ(second.got.size(), 1U);
  EXPECT_EQ(second.got[0].second, "1");
}

TEST(RedisBusTest, ChannelsAndConnectionsHaveTheirNames) {
  Redis redis;
  redis.with.client_name = "node-a";
  Listener node(redis, {.prefix = "mr-test"});
  ASSERT_TRUE(open(redis, node));
  node.subscribe(kSubject);
  node.subscribe(Subject::kControl);
  ASSERT_TRUE(redis.run_until([&] { return node.confirmed.size() == 2; }, 5s));
  const std::string channels = redis.server.ask("PUBSUB CHANNELS *");
  EXPECT_TRUE(has(channels, "mr-test:0:bus:3")) << channels;
  EXPECT_TRUE(has(channels, "mr-test:0:bus:control")) << channels;
  const std::string clients = redis.server.ask("CLIENT LIST");
  const auto at = clients.find("name=node-a");
  ASSERT_NE(at, std::string::npos) << clients;
  EXPECT_NE(clients.find("name=node-a", at + 1), std::string::npos) << clients;
}

TEST(RedisBusTest, AHostIsLookedUp) {
  Redis redis;
  redis.with.host = "localhost";
  Listener node(redis);
  EXPECT_TRUE(open(redis, node));
}

TEST(RedisBusTest, AHostThatDoesNotExistIsTold) {
  Redis redis;
  redis.with.host = "no such host";
  Listener node(redis);
  const std::string why = loss_of(redis, node);
  EXPECT_TRUE(has(why, "no such host") && has(why, "database.redis.host")) << why;
}

TEST(RedisBusTest, APasswordIsGiven) {
  Redis redis({.password = "hunter22"});
  redis.with.password = "hunter22";
  Listener node(redis);
  EXPECT_TRUE(open(redis, node));
}

TEST(RedisBusTest, AWrongOrMissingPasswordIsToldWithItsKeyAndNotShown) {
  Redis redis({.password = "hunter22"});
  redis.with.password = "letmein77";
  Listener wrong(redis);
  const std::string why = loss_of(redis, wrong);
  EXPECT_TRUE(has(why, redis.address()) && has(why, "WRONGPASS")) << why;
  EXPECT_TRUE(has(why, "database.redis.password")) << why;
  EXPECT_FALSE(has(why, "letmein77") || has(why, "hunter22")) << why;

  redis.with.password = "";
  Listener missing(redis);
  const std::string none = loss_of(redis, missing);
  EXPECT_TRUE(has(none, "NOAUTH") && has(none, "set database.redis.password")) << none;
}

TEST(RedisBusTest, APasswordThatIsNotWantedIsTold) {
  Redis redis;
  redis.with.password = "letmein77";
  Listener node(redis);
  const std::string why = loss_of(redis, node);
  EXPECT_TRUE(has(why, "leave database.redis.password empty")) << why;
  EXPECT_FALSE(has(why, "letmein77")) << why;
}

TEST(RedisBusTest, ADatabaseThatDoesNotExistIsTold) {
  Redis redis;
  redis.with.db = 99;
  Listener node(redis);
  const std::string why = loss_of(redis, node);
  EXPECT_TRUE(has(why, "SELECT") && has(why, "lower database.redis.db")) << why;
}

// The line of acl_line() as a line of an ACL file.
std::string acl_user(const RedisOptions& options) {
  std::string line = redis::acl_line(options).substr(sizeof "ACL SETUSER " - 1);
  line.replace(line.find("PASSWORD"), sizeof "PASSWORD" - 1, options.password);
  return "user default on nopass ~* &* +@all\nuser " + line + "\n";
}

TEST(RedisBusTest, TheAclLineThatIsAdvisedIsEnough) {
  RedisOptions options;
  options.username = "bus";
  options.password = "hunter22";
  options.db = 2;
  options.client_name = "node-a";
  Redis redis({.acl = acl_user(options)});
  redis.with = options;
  Listener node(redis);
  ASSERT_TRUE(open(redis, node)) << node.losses.back();
  node.subscribe(kSubject);
  ASSERT_TRUE(redis.run_until([&] { return node.has_confirmed(kSubject); }, 5s));
  node.publish(kSubject, "a");
  ASSERT_TRUE(redis.run_until([&] { return !node.got.empty(); }, 5s));
  EXPECT_EQ(Redis::counters_of(node).publish_errors, 0U);
  EXPECT_TRUE(has(redis.server.ask("CLIENT LIST"), "name=node-a"));
}

TEST(RedisBusTest, ASubscriptionThatIsRefusedIsALossWithTheAclLine) {
  Redis redis({.acl = "user default on nopass resetchannels ~* +@all\n"});
  Listener node(redis);
  ASSERT_TRUE(open(redis, node));
  node.subscribe(kSubject);
  ASSERT_TRUE(redis.run_until([&] { return !node.losses.empty(); }, 3s));
  EXPECT_TRUE(has(node.losses[0], "NOPERM")) << node.losses[0];
  EXPECT_TRUE(has(node.losses[0], "&millrace:0:bus:*")) << node.losses[0];
  EXPECT_FALSE(node.has_confirmed(kSubject));
}

TEST(RedisBusTest, APublishThatIsRefusedIsCountedAndTold) {
  Redis redis({.acl = "user default on nopass resetchannels ~* +@all\n"});
  Listener node(redis);
  ASSERT_TRUE(open(redis, node));
  EXPECT_TRUE(node.publish(kSubject, "secret payload"));
  const RedisBus::Counters& counters = Redis::counters_of(node);
  ASSERT_TRUE(redis.run_until([&] { return counters.publish_errors == 1; }, 3s));
  EXPECT_TRUE(has(counters.last_error, "PUBLISH")) << counters.last_error;
  EXPECT_TRUE(has(counters.last_error, "NOPERM")) << counters.last_error;
  EXPECT_FALSE(has(counters.last_error, "secret payload")) << counters.last_error;
  EXPECT_TRUE(node.is_open);
}

TEST(RedisBusTest, EitherConnectionThatIsCutIsALossOfBoth) {
  Redis redis;
  Listener node(redis);
  ASSERT_TRUE(open(redis, node));
  node.subscribe(kSubject);
  ASSERT_TRUE(redis.run_until([&] { return node.has_confirmed(kSubject); }, 5s));
  int opens = 1;
  for (const std::string_view kind : {"pubsub", "normal"}) {
    redis.server.ask("CLIENT KILL TYPE " + std::string(kind) + " SKIPME yes");
    ++opens;
    ASSERT_TRUE(redis.run_until([&] { return node.opens == opens; }, 2s)) << kind;
    EXPECT_EQ(node.losses.size(), static_cast<std::size_t>(opens - 1));
    node.subscribe(kSubject, static_cast<std::uint32_t>(opens));
    ASSERT_TRUE(redis.run_until(
        [&] { return node.has_confirmed(kSubject, static_cast<std::uint32_t>(opens)); }, 5s));
  }
  EXPECT_EQ(Redis::counters_of(node).reconnects, 2U);
}

TEST(RedisBusTest, AnEndThatCameWithAMessageIsSeenAtOnce) {
  Redis redis;
  Listener node(redis);
  ASSERT_TRUE(open(redis, node));
  node.subscribe(kSubject);
  ASSERT_TRUE(redis.run_until([&] { return node.has_confirmed(kSubject); }, 5s));
  redis.server.ask("PUBLISH millrace:0:bus:3 last");
  redis.server.ask("CLIENT KILL TYPE pubsub");
  EXPECT_TRUE(redis.run_until([&] { return !node.losses.empty(); }, 500ms));
  ASSERT_EQ(node.got.size(), 1U);
  EXPECT_EQ(node.got[0].second, "last");
}

TEST(RedisBusTest, ALossIsToldOnceWhileItsReasonLasts) {
  Redis redis;
  redis.with.retry_max = 50ms;
  redis.server.stop();
  Listener node(redis);
  node.start();
  redis.run_until([] { return false; }, 500ms);
  EXPECT_EQ(node.losses.size(), 1U);
}

TEST(RedisBusTest, AKilledRedisIsFoundAgain) {
  Redis redis;
  Listener node(redis);
  ASSERT_TRUE(open(redis, node));
  redis.server.kill();
  ASSERT_TRUE(redis.run_until([&] { return !node.is_open; }, 3s));
  redis.server.start();
  EXPECT_TRUE(redis.run_until([&] { return node.is_open; }, 2s));
}

TEST(RedisBusTest, WhatWaitedInItsSocketComesWhole) {
  Redis redis;
  Listener node(redis);
  ASSERT_TRUE(open(redis, node));
  node.subscribe(kSubject);
  ASSERT_TRUE(redis.run_until([&] { return node.has_confirmed(kSubject); }, 5s));
  // Its loop does not run meanwhile, and reads in turns afterwards.
  std::string all;
  for (int i = 0; i < 100; ++i) {
    all += "PUBLISH millrace:0:bus:3 " + std::string(20'000, 'x') + "\r\n";
  }
  redis.server.ask(all);
  EXPECT_TRUE(redis.run_until([&] { return node.got.size() == 100; }, 2s)) << node.got.size();
}

TEST(RedisBusTest, ASubscriberThatRedisCutsForItsSlownessComesBack) {
  Redis redis({.arguments = {"--client-output-buffer-limit", "pubsub", "1mb", "0", "0"}});
  Listener slow(redis);
  ASSERT_TRUE(open(redis, slow));
  slow.subscribe(kSubject);
  ASSERT_TRUE(redis.run_until([&] { return slow.has_confirmed(kSubject); }, 5s));
  // Its loop does not run while these are published: one connection, the kernel's buffers and a
  // megabyte in Redis are full.
  const std::string publish = "PUBLISH millrace:0:bus:3 " + std::string(60'000, 'x') + "\r\n";
  std::string all;
  for (int i = 0; i < 400; ++i) all += publish;
  redis.server.ask(all);
  ASSERT_TRUE(redis.run_until([&] { return !slow.losses.empty(); }, 5s));
  EXPECT_TRUE(has(slow.losses[0], "client-output-buffer-limit")) << slow.losses[0];
  EXPECT_TRUE(redis.run_until([&] { return slow.is_open; }, 2s));
}

TEST(RedisBusTest, AnIdleBusStaysOpen) {
  Redis redis;
  Listener node(redis);
  ASSERT_TRUE(open(redis, node));
  node.subscribe(kSubject);
  redis.run_until([] { return false; }, redis.with.silence + 600ms);
  EXPECT_TRUE(node.losses.empty()) << node.losses[0];
}

}  // namespace
}  // namespace mr::cluster::test
