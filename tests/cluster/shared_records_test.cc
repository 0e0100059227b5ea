#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "cluster/claims.h"
#include "cluster/command_log.h"
#include "cluster/memory/memory_store.h"
#include "net/sim/sim_network.h"
#include "net/sim/sim_runtime.h"

namespace mr::cluster::test {
namespace {

using namespace std::chrono_literals;

// Stores of several nodes in front of one modelled broker.
class StoreTest : public ::testing::Test {
 protected:
  std::unique_ptr<Store> open(const std::string& node) {
    auto store = broker_.store(loop(), node);
    store->start();
    sim_.run_for(1s);
    return store;
  }
  net::Loop& loop() { return runtime_.control(); }

  net::sim::Sim sim_{7};
  base::SeededRandom random_{11};
  net::sim::SimNetwork network_{sim_};
  net::sim::SimRuntime runtime_{sim_, network_, {"10.0.0.1", 1}};
  memory::MemoryBroker broker_{sim_.clock(), random_,
                               [this](base::Duration delay, base::Task task) {
                                 sim_.at(sim_.clock().now() + delay, std::move(task));
                               }};
};

class ClaimsTest : public StoreTest {
 protected:
  struct Node {
    std::unique_ptr<Store> store;
    std::unique_ptr<Claims> claims;
    std::vector<std::string> heard;
  };
  void start(Node& node, const std::string& name) {
    node.store = open(name);
    node.claims = std::make_unique<Claims>(loop(), *node.store, 100);
  }
  void SetUp() override {
    start(a_, "a");
    start(b_, "b");
  }
  void TearDown() override {
    for (Node* const node : {&a_, &b_}) {
      if (node->store) node->store->stop();
    }
  }
  void claim(Node& node) {
    node.claims->claim("k", [&node](Claims::Kind kind, const std::string& answer) {
      static constexpr const char* kNames[] = {"won", "answered ", "busy", "unknown"};
      node.heard.push_back(kNames[static_cast<int>(kind)] + answer);
    });
  }
  using Heard = std::vector<std::string>;

  Node a_;
  Node b_;
};

TEST_F(ClaimsTest, OneOfTwoWinsAndTheOtherGetsItsAnswer) {
  claim(a_);
  claim(b_);
  sim_.run_for(500ms);
  ASSERT_EQ(a_.heard.size() + b_.heard.size(), 1U);
  Node& winner = a_.heard.empty() ? b_ : a_;
  Node& other = a_.heard.empty() ? a_ : b_;
  EXPECT_EQ(winner.heard, Heard{"won"});
  winner.claims->settle("k", "{}");
  sim_.run_for(200ms);
  EXPECT_EQ(other.heard, Heard{"answered {}"});
  claim(winner);
  sim_.run_for(200ms);
  EXPECT_EQ(winner.heard, (Heard{"won", "answered {}"}));
  EXPECT_EQ(winner.claims->held(), 0U);
}

TEST_F(ClaimsTest, WhatIsGivenBackIsFreeAtOnce) {
  claim(a_);
  sim_.run_for(200ms);
  claim(b_);
  a_.claims->settle("k", "");
  sim_.run_for(300ms);
  EXPECT_EQ(b_.heard, Heard{"won"});
}

TEST_F(ClaimsTest, AClaimOfTheDeadIsTakenOverAfterTwoSeconds) {
  claim(a_);
  sim_.run_for(200ms);
  a_.store->stop();
  a_.claims.reset();
  claim(b_);
  sim_.run_for(1800ms);
  EXPECT_TRUE(b_.heard.empty());
  sim_.run_for(500ms);
  EXPECT_EQ(b_.heard, Heard{"won"});
  EXPECT_EQ(b_.claims->counters().taken_over, 1U);
}

TEST_F(ClaimsTest, WithoutTheStoreEachDecidesAloneAndIsCounted) {
  broker_.set_hung(true);
  claim(a_);
  sim_.run_for(450ms);
  EXPECT_EQ(a_.heard, Heard{"unknown"});
  EXPECT_EQ(a_.claims->counters().unknown, 1U);
  broker_.set_hung(false);
  sim_.run_for(2s);
  // What it asked for has happened all the same: its answer is there for the others.
  a_.claims->settle("k", "done");
  sim_.run_for(500ms);
  claim(b_);
  sim_.run_for(200ms);
  EXPECT_EQ(b_.heard, Heard{"answered done"});
}

class CommandLogTest : public StoreTest, public CommandEvents {
 protected:
  void on_command(const Command& command, base::Duration age) override {
    obeyed_.push_back(command.user_id);
    age_ = age;
  }
  void tell(CommandMessage message) override { told_ = std::move(message); }
  void on_store_renewed() override {}

  std::vector<std::string> obeyed_;
  CommandMessage told_;
  base::Duration age_{};
};

TEST_F(CommandLogTest, AnotherNodeObeysOnceWhatItFindsInTheLog) {
  const auto store = open("a"), other_store = open("b");
  CommandLog log(loop(), *store, "secret", *this), other(loop(), *other_store, "secret", *this);
  log.issue(CommandKind::kTerminateUser, "app", "ann");
  sim_.run_for(3s);
  EXPECT_TRUE(obeyed_.empty()) << "who issues it has obeyed already";
  EXPECT_NE(log.digest(), other.digest());
  other.compare(log.digest());
  sim_.run_for(300ms);
  EXPECT_EQ(obeyed_, std::vector<std::string>{"ann"});
  EXPECT_GE(age_, 3s);
  EXPECT_EQ(log.digest(), other.digest());
  other.hear(told_);
  other.read();
  sim_.run_for(300ms);
  EXPECT_EQ(obeyed_.size(), 1U);
  store->stop();
  other_store->stop();
}

TEST_F(CommandLogTest, AStoreThatLostTheLogGetsItBack) {
  const auto store = open("a"), other_store = open("b");
  CommandLog log(loop(), *store, "", *this), other(loop(), *other_store, "", *this);
  log.issue(CommandKind::kTerminateUser, "app", "ann");
  sim_.run_for(300ms);
  broker_.set_down(true, true);
  sim_.run_for(100ms);
  broker_.set_down(false);
  sim_.run_for(2s);
  log.read();
  sim_.run_for(1s);
  EXPECT_GE(log.counters().written_back, 1U);
  other.read();
  sim_.run_for(1s);
  EXPECT_EQ(obeyed_, std::vector<std::string>{"ann"});
  store->stop();
  other_store->stop();
}

TEST_F(CommandLogTest, CommandsEndAfterTenMinutesAndAreBounded) {
  const auto store = open("a");
  CommandLog log(loop(), *store, "", *this);
  CommandMessage many;
  for (std::uint64_t i = 0; i < CommandLog::kCommandsMax + 10; ++i) {
    many.commands.push_back(
        {i + 1, log.clock().next(), CommandKind::kTerminateUser, "app", "u" + std::to_string(i)});
  }
  log.hear(many);
  log.digest();
  EXPECT_EQ(log.size(), CommandLog::kCommandsMax);
  EXPECT_EQ(log.counters().forgotten, 10U);
  const std::size_t obeyed = obeyed_.size();
  sim_.run_for(10min + 1s);
  EXPECT_EQ(log.digest(), 0U);
  log.hear(many);
  EXPECT_EQ(obeyed_.size(), obeyed) << "what is old is not obeyed again";
  store->stop();
}

TEST_F(CommandLogTest, KindsOfLaterReleasesAreKept) {
  const auto store = open("a"), other_store = open("b");
  CommandLog log(loop(), *store, "", *this), other(loop(), *other_store, "", *this);
  log.hear({{{5, log.clock().next(), CommandKind{77}, "app", "x"}}});
  EXPECT_TRUE(obeyed_.empty());
  EXPECT_EQ(log.counters().unknown_kind, 1U);
  log.read();
  sim_.run_for(1s);
  other.read();
  sim_.run_for(1s);
  EXPECT_EQ(other.digest(), 5U);
  store->stop();
  other_store->stop();
}

}  // namespace
}  // namespace mr::cluster::test
