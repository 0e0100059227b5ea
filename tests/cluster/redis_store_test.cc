#include "cluster/redis/redis_store.h"

#include <gtest/gtest.h>

#include <random>
#include <unordered_set>

#include "cluster/epoll_driver.h"
#include "cluster/redis/error_text.h"
#include "cluster/redis/store_server.h"
#include "cluster/store_contract.h"
#include "net/worker_thread.h"
#include "support/redis_server.h"

namespace mr::cluster::test {
namespace {

using namespace std::chrono_literals;
using Kind = StoreAnswer::Kind;
using mr::test::RedisServer;
using redis::RedisOptions;
using redis::RedisStore;
using redis::StoreServer;

// Made before and destroyed after what uses it.
class Redis final : public StoreBackEnd {
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
  std::unique_ptr<Store> make_store(const StoreSetup& setup) override {
    RedisOptions options = with;
    options.port = server.port();
    options.prefix = setup.prefix;
    return std::make_unique<RedisStore>(
        driver_.loop(), options, setup.times,
        std::make_unique<StoreServer>(driver_.loop(), resolver_, options,
                                      [this](const std::string& why) { warnings.push_back(why); }));
  }
  void start_broker() override { server.start(); }
  void stop_broker() override { server.stop(); }
  void pause_broker() override { server.pause(); }
  void resume_broker() override { server.resume(); }
  std::string address() const override { return "127.0.0.1:" + std::to_string(server.port()); }

  StoreAnswer read(Store& store, const std::string& name) {
    std::optional<StoreAnswer> answer;
    store.read({Space::kState, name}, [&](StoreAnswer got) { answer = std::move(got); });
    EXPECT_TRUE(run_until([&] { return answer.has_value(); }, 5s));
    return *answer;
  }
  StoreAnswer write(Store& store, const RecordKey& key, Revision expected = {}) {
    std::optional<StoreAnswer> answer;
    store.write(key, "value", expected, [&](StoreAnswer got) { answer = std::move(got); });
    EXPECT_TRUE(run_until([&] { return answer.has_value(); }, 5s));
    return *answer;
  }
  // Started, and its connection stands.
  std::unique_ptr<Store> open(const StoreSetup& setup = {}) {
    std::unique_ptr<Store> store = make_store(setup);
    store->start();
    EXPECT_TRUE(run_until([&] { return store->problem().empty(); }, 5s)) << store->problem();
    return store;
  }

  RedisServer server;
  RedisOptions with;  // of stores that are made from now on
  std::vector<std::string> warnings;

 private:
  EpollDriver driver_;
  net::WorkerThread worker_;
  net::Resolver resolver_{worker_};
};

std::unique_ptr<StoreBackEnd> make_redis() { return std::make_unique<Redis>(); }

INSTANTIATE_TEST_SUITE_P(Redis, StoreContract, testing::Values(&make_redis),
                         [](const auto&) { return std::string("Alone"); });

TEST(RedisStoreTest, TheAclLineIsEnough) {
  Redis redis;
  redis.with.username = "millrace";
  redis.with.password = "hunter22";
  std::string line = redis::acl_line(redis.with);
  line.replace(line.find("PASSWORD"), sizeof "PASSWORD" - 1, redis.with.password);
  ASSERT_TRUE(redis.server.ask(line).starts_with("+OK"));
  const auto store = redis.open();
  for (const Space space :
       {Space::kState, Space::kCache, Space::kIdempotency, Space::kDeltaCounts}) {
    const StoreAnswer made = redis.write(*store, {space, "a"});
    EXPECT_EQ(made.kind, Kind::kDone) << store->problem();
    std::optional<StoreAnswer> erased;
    store->erase({space, "a"}, made.revision, [&](StoreAnswer got) { erased = std::move(got); });
    ASSERT_TRUE(redis.run_until([&] { return erased.has_value(); }, 5s));
    EXPECT_EQ(erased->kind, Kind::kDone) << store->problem();
  }
  EXPECT_EQ(redis.read(*store, "a").kind, Kind::kDone);
  EXPECT_EQ(store->problem(), "");
}

TEST(RedisStoreTest, AUserWithoutTheRightIsToldWhatItLacksAndServedWhenItHasIt) {
  Redis redis;
  const auto store = redis.open();
  redis.server.ask("ACL SETUSER default -set");
  EXPECT_EQ(redis.write(*store, {Space::kState, "a"}).kind, Kind::kNone);
  EXPECT_EQ(store->counters().refused, 1U);
  for (const char* part : {"127.0.0.1:", "EVAL", "ACL SETUSER", "+set"}) {
    EXPECT_NE(store->problem().find(part), std::string::npos) << store->problem();
  }
  redis.server.ask("ACL SETUSER default +set");
  EXPECT_EQ(redis.write(*store, {Space::kState, "a"}).kind, Kind::kDone);
  EXPECT_EQ(store->problem(), "");
}

TEST(RedisStoreTest, AServerThatTellsNothingOfItselfIsAskedAgain) {
  Redis redis;
  redis.server.ask("ACL SETUSER default -info");
  const std::unique_ptr<Store> store = redis.make_store({});
  store->start();
  ASSERT_TRUE(
      redis.run_until([&] { return store->problem().find("INFO") != std::string::npos; }, 5s))
      << store->problem();
  redis.server.ask("ACL SETUSER default +info");
  EXPECT_TRUE(redis.run_until([&] { return store->problem().empty(); }, 5s)) << store->problem();
}

TEST(RedisStoreTest, AServerThatEvictsWhatNobodyErasedIsWarnedOf) {
  for (const char* policy : {"allkeys-lru", "noeviction", "volatile-ttl"}) {
    Redis redis({.arguments = {"--maxmemory", "64mb", "--maxmemory-policy", policy}});
    const auto store = redis.open();
    EXPECT_EQ(redis.read(*store, "a").kind, Kind::kDone);
    if (std::string_view(policy) != "allkeys-lru") {
      EXPECT_TRUE(redis.warnings.empty()) << redis.warnings[0];
      continue;
    }
    ASSERT_EQ(redis.warnings.size(), 1U);
    for (const char* part : {"127.0.0.1:", "allkeys-lru", "leases", "noeviction"}) {
      EXPECT_NE(redis.warnings[0].find(part), std::string::npos) << redis.warnings[0];
    }
  }
}

TEST(RedisStoreTest, DatabasesAreApart) {
  Redis redis;
  const auto store = redis.open();
  EXPECT_EQ(redis.write(*store, {Space::kState, "a"}).kind, Kind::kDone);
  redis.with.db = 3;
  const auto other = redis.open();
  EXPECT_TRUE(redis.read(*other, "a").revision.is_absent());
}

TEST(RedisStoreTest, RecordsOfSpacesWithAnEndHaveOneAtTheServer) {
  Redis redis;
  const auto store = redis.open();
  redis.write(*store, {Space::kState, "a:b"});
  redis.write(*store, {Space::kCache, "a"});
  redis.write(*store, {Space::kIdempotency, "a"});
  redis.write(*store, {Space::kDeltaCounts, "a"});
  EXPECT_TRUE(redis.server.ask("TTL millrace:state:a%3Ab").starts_with(":-1\r\n"));
  EXPECT_TRUE(redis.server.ask("TTL millrace:cache:a").starts_with(":1800\r\n"));
  EXPECT_TRUE(redis.server.ask("TTL millrace:idempotency:a").starts_with(":120\r\n"));
  EXPECT_TRUE(redis.server.ask("TTL millrace:delta_counts:a").starts_with(":300\r\n"));
}

TEST(RedisStoreTest, AKeyOfAnotherProgramIsToldAndNeverOverwritten) {
  Redis redis;
  redis.server.ask("SET millrace:state:a short");
  redis.server.ask("LPUSH millrace:state:list x");
  const auto store = redis.open();
  EXPECT_EQ(redis.read(*store, "a").kind, Kind::kNone);
  EXPECT_NE(store->problem().find("millrace:state:a"), std::string::npos) << store->problem();
  EXPECT_EQ(redis.write(*store, {Space::kState, "a"}).kind, Kind::kConflict);
  EXPECT_EQ(redis.read(*store, "list").kind, Kind::kNone);
  EXPECT_EQ(redis.write(*store, {Space::kState, "list"}).kind, Kind::kNone);
  EXPECT_EQ(redis.server.ask("GET millrace:state:a").substr(4, 5), "short");
}

TEST(RedisStoreTest, NoTwoNamesHaveOneKey) {
  Redis redis;
  const auto store = redis.make_store({});
  const auto& own = static_cast<const RedisStore&>(*store);
  const std::uint64_t seed = std::random_device{}();
  std::mt19937_64 random(seed);
  std::unordered_set<std::string> names, keys;
  while (names.size() < 100'000) {
    std::string name(random() % 8, '\0');
    for (char& c : name) c = "%:.{}aA3\0\xff/~*- "[random() % 16];
    if (!names.insert(name).second) continue;
    for (const Space space : {Space::kState, Space::kCache}) {
      const std::string key = own.name_of({space, name});
      EXPECT_TRUE(keys.insert(key).second) << key << " of seed " << seed;
      EXPECT_EQ(key.find_first_of("{} *"), std::string::npos) << key;
    }
  }
}

}  // namespace
}  // namespace mr::cluster::test
