#include "cluster/memory/memory_store.h"

#include <gtest/gtest.h>

#include "cluster/memory/local_store.h"
#include "cluster/store_contract.h"
#include "net/sim/sim_network.h"
#include "net/sim/sim_runtime.h"

namespace mr::cluster::test {
namespace {

using namespace std::chrono_literals;
using Kind = StoreAnswer::Kind;

class Memory final : public StoreBackEnd {
 public:
  net::Loop& loop() override { return runtime_.control(); }
  bool run_until(const std::function<bool()>& done, base::Duration limit) override {
    return sim.run_until(done, limit);
  }
  std::unique_ptr<Store> make_store(const StoreSetup& setup) override {
    broker_of(setup.prefix).set_store({setup.times, are_bound});
    return broker_of(setup.prefix).store(loop(), "n" + std::to_string(++stores_));
  }
  void start_broker() override {
    for (auto& [prefix, broker] : brokers_) broker->set_down(is_down_ = false);
  }
  void stop_broker() override {
    is_down_ = true;
    for (auto& [prefix, broker] : brokers_) broker->set_down(true, true);
  }
  void pause_broker() override { broker_of("millrace").set_hung(true); }
  void resume_broker() override { broker_of("millrace").set_hung(false); }
  std::string address() const override { return "in memory"; }

  // A broker knows no prefixes.
  memory::MemoryBroker& broker_of(const std::string& prefix) {
    auto& broker = brokers_[prefix];
    if (!broker) {
      broker = std::make_unique<memory::MemoryBroker>(
          sim.clock(), random_, [this](base::Duration delay, base::Task task) {
            sim.at(sim.clock().now() + delay, std::move(task));
          });
      broker->set_down(is_down_);
    }
    return *broker;
  }

  net::sim::Sim sim{7};
  bool are_bound = false;

 private:
  base::SeededRandom random_{11};
  net::sim::SimNetwork network_{sim};
  net::sim::SimRuntime runtime_{sim, network_, {"10.0.0.1", 1}};
  std::map<std::string, std::unique_ptr<memory::MemoryBroker>> brokers_;
  bool is_down_ = false;
  int stores_ = 0;
};

std::unique_ptr<StoreBackEnd> make_memory() { return std::make_unique<Memory>(); }
std::unique_ptr<StoreBackEnd> make_bound() {
  auto memory = std::make_unique<Memory>();
  memory->are_bound = true;
  return memory;
}

INSTANTIATE_TEST_SUITE_P(Memory, StoreContract, testing::Values(&make_memory, &make_bound),
                         [](const auto& made) {
                           return std::string(made.index == 0 ? "AsRedis" : "AsNats");
                         });

struct Asked {
  std::optional<StoreAnswer> answer;
  Store::OnAnswer take() {
    return [this](StoreAnswer got) { answer = std::move(got); };
  }
};

// Two nodes on one broker, asked by hand.
struct Two {
  Two() {
    for (const auto& store : {a.get(), b.get()}) store->start();
    memory.sim.run_for(100ms);
  }
  StoreAnswer read(Store& store) {
    Asked asked;
    store.read(key, asked.take());
    EXPECT_TRUE(memory.sim.run_until([&] { return asked.answer.has_value(); }, 1s));
    return *asked.answer;
  }
  StoreAnswer write(Store& store, std::string_view value, Revision expected) {
    Asked asked;
    store.write(key, value, expected, asked.take());
    EXPECT_TRUE(memory.sim.run_until([&] { return asked.answer.has_value(); }, 1s));
    return *asked.answer;
  }

  Memory memory;
  memory::MemoryBroker& broker = memory.broker_of("millrace");
  const RecordKey key{Space::kState, "a"};
  std::unique_ptr<Store> a = broker.store(memory.loop(), "a");
  std::unique_ptr<Store> b = broker.store(memory.loop(), "b");
};

TEST(MemoryStoreTest, AFailoverLosesTheLastWritesAndIsAnotherLife) {
  Two two;
  const StoreAnswer old = two.write(*two.a, "old", {});
  two.memory.sim.run_for(1s);
  const StoreAnswer last = two.write(*two.a, "last", old.revision);
  two.broker.fail_over(500ms);
  const StoreAnswer now = two.read(*two.b);
  EXPECT_EQ(now.value, "old");
  EXPECT_EQ(now.revision, old.revision) << "it is that very write";
  EXPECT_NE(now.life, old.life);
  EXPECT_EQ(two.write(*two.a, "more", last.revision).kind, Kind::kConflict);
}

TEST(MemoryStoreTest, WhileSomeReachTheOldPrimaryThereAreTwoStores) {
  Two two;
  const StoreAnswer shared = two.write(*two.a, "shared", {});
  two.memory.sim.run_for(1s);
  two.broker.fail_over(0ms, {"b"});
  EXPECT_EQ(two.write(*two.a, "new side", shared.revision).kind, Kind::kDone);
  EXPECT_EQ(two.write(*two.b, "old side", shared.revision).kind, Kind::kDone);
  EXPECT_NE(two.read(*two.a).life, two.read(*two.b).life);
  two.broker.end_split();
  ASSERT_TRUE(two.memory.sim.run_until([&] { return two.b->problem() != ""; }, 1s));
  ASSERT_TRUE(two.memory.sim.run_until([&] { return two.b->problem() == ""; }, 2s));
  EXPECT_EQ(two.read(*two.b).value, "new side");
}

TEST(MemoryStoreTest, WhatWasHeldByACutComesLateOrNever) {
  for (const bool is_lost : {false, true}) {
    Two two;
    two.broker.set_cut("a", true, true);
    Asked asked;
    two.a->write(two.key, "held", {}, asked.take());
    two.memory.sim.run_for(3s);
    ASSERT_TRUE(asked.answer);
    EXPECT_EQ(asked.answer->kind, Kind::kNone);
    using Held = memory::MemoryBroker::Held;
    two.broker.end_held("a", is_lost ? Held::kLost : Held::kLate);
    two.broker.set_cut("a", false, false);
    ASSERT_TRUE(two.memory.sim.run_until([&] { return two.a->problem().empty(); }, 2s));
    two.memory.sim.run_for(2s);
    EXPECT_EQ(two.read(*two.b).value, is_lost ? "" : "held");
  }
}

TEST(MemoryStoreTest, AnAnswerThatIsCutOffWasDone) {
  Two two;
  two.broker.set_cut("a", false, true);
  Asked asked;
  two.a->write(two.key, "done", {}, asked.take());
  ASSERT_TRUE(two.memory.sim.run_until([&] { return asked.answer.has_value(); }, 1s));
  EXPECT_EQ(asked.answer->kind, Kind::kNone);
  EXPECT_EQ(two.read(*two.b).value, "done");
}

TEST(LocalStoreTest, ANodeAloneHasTheSameRecordsOnAllItsLoops) {
  net::sim::Sim sim(3);
  net::sim::SimNetwork network(sim);
  net::sim::SimRuntime runtime(sim, network, {"10.0.0.1", 2});
  StoreTimes times;
  times.cache = 1s;
  memory::LocalRecords records(runtime.control(), times);
  memory::LocalStore one(runtime.loop(0), records), two(runtime.loop(1), records);
  Asked written, read, gone;
  runtime.loop(0).post([&] { one.write({Space::kCache, "a"}, "x", {}, written.take()); });
  ASSERT_TRUE(sim.run_until([&] { return written.answer.has_value(); }, 1s));
  runtime.loop(1).post([&] { two.read({Space::kCache, "a"}, read.take()); });
  ASSERT_TRUE(sim.run_until([&] { return read.answer.has_value(); }, 1s));
  EXPECT_EQ(read.answer->value, "x");
  EXPECT_EQ(read.answer->revision, written.answer->revision);
  EXPECT_NE(read.answer->life, StoreLife::kNone);
  sim.run_for(1s);
  runtime.loop(1).post([&] { two.read({Space::kCache, "a"}, gone.take()); });
  ASSERT_TRUE(sim.run_until([&] { return gone.answer.has_value(); }, 1s));
  EXPECT_TRUE(gone.answer->revision.is_absent());
}

}  // namespace
}  // namespace mr::cluster::test
