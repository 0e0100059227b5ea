#include "support/redis_cluster.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>

#include "cluster/ask_registry.h"
#include "cluster/bus_contract.h"
#include "cluster/counter_contract.h"
#include "cluster/epoll_driver.h"
#include "cluster/redis/cluster_bus.h"
#include "cluster/redis/redis_counter.h"
#include "cluster/redis/redis_registry.h"
#include "cluster/redis/redis_store.h"
#include "cluster/redis/store_shards.h"
#include "cluster/store_contract.h"
#include "net/worker_thread.h"

namespace mr::cluster::test {
namespace {

using namespace std::chrono_literals;
using mr::test::RedisClusterGroup;
using mr::test::RedisServer;
using redis::ClusterBus;
using redis::RedisOptions;

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// The six servers are for all tests of the contract: to start them takes seconds.
class RedisCluster final : public BackEnd {
 public:
  explicit RedisCluster(std::shared_ptr<RedisClusterGroup> of) : group(std::move(of)) {
    with.cluster_nodes = {control().address()};
    with.address_source = redis::AddressSource::kNodes;
    worker_.start();
  }
  ~RedisCluster() override { worker_.stop(); }

  net::Loop& loop() override { return driver_.loop(); }
  bool run_until(const std::function<bool()>& done, base::Duration limit) override {
    return driver_.run_until(done, limit);
  }
  std::unique_ptr<Bus> make_bus(const BusSetup& setup, BusEvents& events) override {
    RedisOptions options = with;
    options.prefix = setup.prefix;
    options.queue_bytes_max = setup.queue_bytes_max;
    return std::make_unique<ClusterBus>(driver_.loop(), resolver_, options, events);
  }
  std::unique_ptr<redis::StoreRoute> make_route(const RedisOptions& options) {
    return std::make_unique<redis::StoreShards>(driver_.loop(), resolver_, options,
                                                [](const std::string&) {});
  }
  void start_broker() override { group->start(); }
  void stop_broker() override {
    for (const auto& server : group->servers) server->kill();
  }
  void pause_broker() override {
    for (const auto& server : group->servers) server->pause();
  }
  void resume_broker() override {
    for (const auto& server : group->servers) server->resume();
  }
  std::string address() const override { return "127.0.0.1:" + std::to_string(control().port()); }

  // The primary that has the control subject: the slot of "{control}" is in the second third.
  RedisServer& control() const { return *group->servers[control_number()]; }
  std::size_t control_number() const { return redis::slot_of("{control}") / 5461; }
  static const ClusterBus& bus_of(const Listener& listener) {
    return static_cast<const ClusterBus&>(listener.bus());
  }

  const std::shared_ptr<RedisClusterGroup> group;
  RedisOptions with;  // of buses that are made from now on

 private:
  EpollDriver driver_;
  net::WorkerThread worker_;
  net::Resolver resolver_{worker_};
};

std::unique_ptr<BackEnd> make_cluster() {
  // Killed servers come back as they were, from their files.
  static const auto kGroup = std::make_shared<RedisClusterGroup>();
  return std::make_unique<RedisCluster>(kGroup);
}

INSTANTIATE_TEST_SUITE_P(RedisCluster, BusContract, testing::Values(&make_cluster),
                         [](const auto&) { return std::string("SixServers"); });

// The store on the same servers: all of them are the broker.
class ClusterStores final : public StoreBackEnd {
 public:
  explicit ClusterStores(std::shared_ptr<RedisClusterGroup> of) : redis_(std::move(of)) {
    redis_.group->forget();
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
  std::string address() const override { return "127.0.0.1:"; }

 private:
  RedisCluster redis_;
};

INSTANTIATE_TEST_SUITE_P(RedisCluster, StoreContract, testing::Values(+[] {
                           static const auto kGroup = std::make_shared<RedisClusterGroup>();
                           return std::unique_ptr<StoreBackEnd>(new ClusterStores(kGroup));
                         }),
                         [](const auto&) { return std::string("SixServers"); });

class ClusterCounters final : public CounterBackEnd {
 public:
  explicit ClusterCounters(std::shared_ptr<RedisClusterGroup> of) : redis_(std::move(of)) {
    redis_.group->forget();
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
  RedisCluster redis_;
};

INSTANTIATE_TEST_SUITE_P(RedisCluster, CounterContract, testing::Values(+[] {
                           static const auto kGroup = std::make_shared<RedisClusterGroup>();
                           return std::unique_ptr<CounterBackEnd>(new ClusterCounters(kGroup));
                         }),
                         [](const auto&) { return std::string("SixServers"); });

TEST(RedisClusterTest, NodesSeeEachOthersLines) {
  RedisCluster redis(std::make_shared<RedisClusterGroup>());
  const auto lines = [&](std::uint64_t boot, std::size_t count) {
    redis::RedisRegistry registry(redis.with, redis.make_route(redis.with));
    return ask_until([&](const auto& done) { redis.run_until(done, 10s); }, registry, BootId{boot},
                     [count](const Registry::Lines& all) { return all.size() == count; });
  };
  EXPECT_TRUE(lines(1, 1));
  EXPECT_TRUE(lines(2, 2));
}

// Of the thirds of the slots, one that has not the control subject.
constexpr std::size_t kShard = 0;
// A partition there, and one that is with the control subject.
constexpr Subject kHere = partition_subject(3);
constexpr Subject kElsewhere = partition_subject(1000);

// Follows what it is told, as a Relay does.
class Follower {
 public:
  explicit Follower(RedisCluster& redis) : redis_(redis), listener(redis) {
    listener.when_open = [this] {
      for (const Subject subject : {kHere, kElsewhere}) listener.subscribe(subject, 7);
    };
    listener.start();
    EXPECT_TRUE(redis_.run_until([this] { return confirmations() >= 2; }, 10s));
  }
  std::size_t confirmations() const { return listener.confirmed.size(); }
  bool hears(Subject subject, base::Duration limit = 5s) {
    listener.got.clear();
    return redis_.run_until([&] { return listener.publish(subject, "sign"); }, limit) &&
           redis_.run_until([&] { return !listener.got.empty(); }, limit);
  }

 private:
  RedisCluster& redis_;

 public:
  Listener listener;
};

std::shared_ptr<RedisClusterGroup> quick_group() {
  return std::make_shared<RedisClusterGroup>(RedisClusterGroup::Options{
      .node_timeout = 1000ms, .arguments = {"--cluster-require-full-coverage", "no"}});
}

TEST(RedisClusterTest, APrimaryThatDiesIsFollowedAndOthersGoOnMeanwhile) {
  RedisCluster redis(quick_group());
  ASSERT_NE(redis.control_number(), kShard);
  Follower node(redis);
  redis.group->servers[kShard]->kill();
  ASSERT_TRUE(redis.run_until([&] { return !node.listener.interrupted.empty(); }, 3s));
  EXPECT_EQ(node.listener.interrupted[0], kHere);
  EXPECT_FALSE(node.listener.publish(kHere, "nobody takes it"));
  EXPECT_TRUE(node.hears(kElsewhere, 500ms)) << "another shard has it";
  EXPECT_TRUE(node.listener.is_open);

  const RedisServer& next = *redis.group->servers[kShard + 3];
  ASSERT_TRUE(redis.run_until([&] { return has(next.ask("ROLE"), "master"); }, 20s));
  const base::TimePoint writable = redis.loop().clock().now();
  ASSERT_TRUE(redis.run_until([&] { return node.confirmations() > 2; }, 5s));
  EXPECT_TRUE(node.hears(kHere));
  const auto outage = redis.loop().clock().now() - writable;
  RecordProperty("outage_beyond_redis_own_ms", static_cast<int>(outage / 1ms));
  EXPECT_LE(outage, 500ms);
  EXPECT_EQ(node.listener.losses.size(), 0U);

  // Its successor is left alone when it comes back, as a replica.
  redis.group->servers[kShard]->start();
  EXPECT_TRUE(node.hears(kHere));
}

TEST(RedisClusterTest, ThePrimaryOfTheControlSubjectIsTheBroker) {
  RedisCluster redis(quick_group());
  redis.with.cluster_nodes.push_back(redis.group->servers[kShard]->address());
  Follower node(redis);
  const std::size_t number = redis.control_number();
  redis.group->servers[number]->kill();
  ASSERT_TRUE(redis.run_until([&] { return !node.listener.is_open; }, 3s));
  EXPECT_TRUE(has(node.listener.losses[0], redis.address())) << node.listener.losses[0];
  ASSERT_TRUE(redis.run_until([&] { return node.confirmations() >= 4; }, 20s));
  EXPECT_TRUE(node.hears(kHere));
  EXPECT_EQ(node.listener.losses.size(), 1U);
  EXPECT_EQ(RedisCluster::bus_of(node.listener).counters().reconnects, 1U);
}

TEST(RedisClusterTest, AShardWithoutAReplicaTakesOnlyItsSubjectsWithIt) {
  RedisCluster redis(quick_group());
  Follower node(redis);
  redis.group->servers[kShard + 3]->kill();
  redis.group->servers[kShard]->kill();
  ASSERT_TRUE(redis.run_until([&] { return !node.listener.interrupted.empty(); }, 3s));
  EXPECT_TRUE(node.hears(kElsewhere));
  // A node that starts meanwhile has what there is.
  Listener late(redis);
  late.start();
  ASSERT_TRUE(redis.run_until([&] { return late.is_open; }, 5s));
  late.subscribe(kHere);
  late.subscribe(kElsewhere);
  ASSERT_TRUE(redis.run_until([&] { return late.has_confirmed(kElsewhere); }, 3s));
  ASSERT_TRUE(redis.run_until([&] { return !late.interrupted.empty(); }, 3s));
  redis.group->servers[kShard]->start();
  ASSERT_TRUE(
      redis.run_until([&] { return node.confirmations() > 2 && late.has_confirmed(kHere); }, 10s));
  EXPECT_TRUE(node.hears(kHere));
  EXPECT_EQ(node.listener.losses.size() + late.losses.size(), 0U);
}

TEST(RedisClusterTest, SlotsThatMoveBackAtOnceAreOnOneServerForAll) {
  const std::shared_ptr<RedisClusterGroup> group = quick_group();
  for (std::size_t move = 0; move < 40; ++move) {
    group->move_slot(48, move % 2, 1 - move % 2);
    for (std::size_t asked = 0; asked < 3; ++asked) {
      ASSERT_EQ(group->owner(48, asked), group->servers[1 - move % 2].get()) << move << asked;
    }
  }
}

TEST(RedisClusterTest, SlotsThatMoveWhileAllIsPublishedKeepOrderAndAreFollowedAtOnce) {
  constexpr int kMoves = 20;
  RedisCluster redis(quick_group());
  Follower node(redis);
  Listener publisher(redis);
  publisher.start();
  ASSERT_TRUE(redis.run_until([&] { return publisher.is_open; }, 5s));
  const std::uint16_t slot = redis::slot_of_partition(number_of(kHere), 1024);
  int next = 0;
  std::vector<base::Duration> deaf;
  for (int move = 0; move < kMoves; ++move) {
    const std::size_t confirmed = node.confirmations();
    const std::size_t interrupted = node.listener.interrupted.size();
    redis.group->move_slot(slot, move % 2 == 0 ? 0 : 1, move % 2 == 0 ? 1 : 0);
    const auto publish = [&] {
      if (publisher.publish(kHere, std::to_string(next))) ++next;
    };
    ASSERT_TRUE(redis.run_until(
        [&] { return publish(), node.listener.interrupted.size() > interrupted; }, 5s));
    const base::TimePoint told = redis.loop().clock().now();
    ASSERT_TRUE(redis.run_until([&] { return publish(), node.confirmations() > confirmed; }, 5s));
    deaf.push_back(redis.loop().clock().now() - told);
    const int last = next;
    ASSERT_TRUE(redis.run_until(
        [&] {
          publish();
          return !node.listener.got.empty() && std::stoi(node.listener.got.back().second) > last;
        },
        5s));
  }
  std::ranges::sort(deaf);
  RecordProperty("median_us", static_cast<int>(deaf[kMoves / 2] / 1us));
  RecordProperty("longest_us", static_cast<int>(deaf.back() / 1us));
  // A busy machine may hold one of seven processes up.
  EXPECT_LE(deaf[kMoves / 2], 100ms);
  EXPECT_LE(deaf.back(), 1s);
  int before = -1;
  for (const auto& [subject, text] : node.listener.got) {
    EXPECT_GT(std::stoi(text), before);
    before = std::stoi(text);
  }
  const redis::Shards& shards = RedisCluster::bus_of(publisher).shards();
  EXPECT_GT(shards.redirections(), 0U);
  EXPECT_LE(shards.redirections(), static_cast<std::uint64_t>(next));
  EXPECT_EQ(RedisCluster::bus_of(publisher).counters().publish_errors, 0U)
      << RedisCluster::bus_of(publisher).counters().last_error;
  EXPECT_EQ(node.listener.losses.size(), 0U);
}

}  // namespace
}  // namespace mr::cluster::test
