#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "cluster_world.h"

namespace mr::app::test {
namespace {

std::vector<int> numbers_of(const SimClient& client, const std::string& channel) {
  std::vector<int> numbers;
  for (const client::PusherEvent& event : client.events) {
    if (event.channel == channel) numbers.push_back(std::stoi(event.data));
  }
  return numbers;
}

// Of each publisher in its order: those of node n are n modulo the number of nodes.
bool are_in_order(const std::vector<int>& numbers) {
  std::map<int, int> last;
  for (const int number : numbers) {
    int& before = last.try_emplace(number % static_cast<int>(kNodes), -1).first->second;
    if (number <= before) return false;
    before = number;
  }
  return true;
}

void run_publishes(std::uint64_t seed) {
  ClusterWorld world(seed);
  world.sim.run_for(2s);
  for (std::size_t i = 0; i < 2 * kNodes; ++i) world.connect(i % kNodes, {"a", "b"});
  ASSERT_TRUE(world.sim.run_until(
      [&] {
        std::size_t count = 0;
        for (const auto& client : world.clients) count += client->subscribed.size();
        return count == 2 * world.clients.size();
      },
      10s));
  std::map<std::string, std::size_t> sent;
  for (int i = 0; i < 90; ++i) {
    const std::string channel = world.random.below(2) == 0 ? "a" : "b";
    ++sent[channel];
    world.publish(static_cast<std::size_t>(i) % kNodes, channel, i);
    if (world.random.below(2) == 0) world.sim.run_for(2ms);
  }
  ASSERT_TRUE(world.settle());
  for (const auto& client : world.clients) {
    for (const std::string channel : {"a", "b"}) {
      const std::vector<int> numbers = numbers_of(*client, channel);
      EXPECT_EQ(numbers.size(), sent[channel]);
      EXPECT_TRUE(are_in_order(numbers));
    }
  }
}

TEST(ClusterSimTest, ClientsOfAllNodesHearEveryMessageOnceAndEachPublisherInOrder) {
  const std::uint64_t first = chosen("MILLRACE_SIM_SEED", std::random_device()());
  const std::uint64_t runs = chosen("MILLRACE_SIM_RUNS", 200);
  for (std::uint64_t seed = first; seed < first + runs; ++seed) {
    SCOPED_TRACE("MILLRACE_SIM_SEED=" + std::to_string(seed) + " MILLRACE_SIM_RUNS=1");
    run_publishes(seed);
    if (::testing::Test::HasFailure()) return;
  }
}

// Subscribers come while another node publishes, and each is the first one on its node.
void run_joins(std::uint64_t seed) {
  ClusterWorld world(seed);
  world.sim.run_for(2s);
  int next = 0;
  std::vector<std::pair<SimClient*, int>> confirmed;  // and the first number sent after it
  for (std::size_t i = 0; i < kNodes; ++i) {
    SimClient& client = world.connect(i, {"a"});
    for (int step = 0; step < 400 && client.subscribed.empty(); ++step) {
      world.publish(0, "a", 3 * next++);
      world.sim.run_for(1ms);
    }
    ASSERT_FALSE(client.subscribed.empty());
    confirmed.emplace_back(&client, 3 * next);
    for (int step = 0; step < 20; ++step) world.publish(0, "a", 3 * next++);
  }
  ASSERT_TRUE(world.settle());
  for (const auto& [client, first] : confirmed) {
    const std::vector<int> numbers = numbers_of(*client, "a");
    ASSERT_FALSE(numbers.empty());
    EXPECT_LE(numbers.front(), first);
    EXPECT_EQ(numbers.back(), 3 * (next - 1));
    EXPECT_EQ(numbers.size(), static_cast<std::size_t>(next - numbers.front() / 3));
  }
}

TEST(ClusterSimTest, NothingIsMissedAfterAFirstSubscriptionSucceeded) {
  const std::uint64_t first = chosen("MILLRACE_SIM_SEED", std::random_device()());
  const std::uint64_t runs = chosen("MILLRACE_SIM_RUNS", 200);
  for (std::uint64_t seed = first; seed < first + runs; ++seed) {
    SCOPED_TRACE("MILLRACE_SIM_SEED=" + std::to_string(seed) + " MILLRACE_SIM_RUNS=1");
    run_joins(seed);
    if (::testing::Test::HasFailure()) return;
  }
}

TEST(ClusterSimTest, WithoutTheBrokerEachNodeServesItsOwnAndSaysSo) {
  ClusterWorld world(7);
  world.sim.run_for(2s);
  SimClient& here = world.connect(0, {"a"});
  SimClient& there = world.connect(1, {"a"});
  world.sim.run_for(1s);
  world.broker.set_down(true);
  world.sim.run_for(3s);
  EXPECT_EQ(world.nodes[0]->node.health().state, observability::NodeState::kDegraded);
  EXPECT_NE(world.nodes[0]->node.health().reason.find("the broker does not answer"),
            std::string::npos);
  world.publish(0, "a", 1);
  SimClient& late = world.connect(0, {"a"});
  world.sim.run_for(1s);
  EXPECT_EQ(late.subscribed.size(), 1U) << "nobody waits for the broker";
  EXPECT_EQ(numbers_of(here, "a"), std::vector<int>{1});
  EXPECT_TRUE(numbers_of(there, "a").empty());

  world.broker.set_down(false);
  world.sim.run_for(2s);
  EXPECT_EQ(world.nodes[0]->node.health().state, observability::NodeState::kReady);
  world.publish(0, "a", 2);
  ASSERT_TRUE(world.settle());
  EXPECT_EQ(numbers_of(here, "a"), (std::vector<int>{1, 2}));
  EXPECT_EQ(numbers_of(there, "a"), (std::vector<int>{1, 2})) << "it had waited";
}

// The first node that found the broker again sent what had waited before the others had subscribed.
TEST(ClusterSimTest, WhatWaitedForTheBrokerComesToNodesThatFindItLater) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    ClusterWorld world(seed);
    world.sim.run_for(2s);
    SimClient& there = world.connect(1, {"a"});
    world.sim.run_for(1s);
    world.broker.set_down(true);
    world.sim.run_for(1s);
    std::vector<int> sent;
    for (int number = 1; number <= 10; ++number) {
      world.publish(number % 2 == 0 ? 0 : 2, "a", number);
      sent.push_back(number);
    }
    world.sim.run_for(1s);
    world.broker.set_down(false);
    world.sim.run_for(2s);
    std::vector<int> heard = numbers_of(there, "a");
    std::ranges::sort(heard);
    EXPECT_EQ(heard, sent) << "seed " << seed;
    EXPECT_EQ(world.sample(1, "millrace_bus_missed_total"), 0) << "seed " << seed;
  }
}

TEST(ClusterSimTest, ANodeIsReadyWhenItHasJoinedOrAfterTwoSecondsAlone) {
  ClusterWorld world(3);
  world.broker.set_down(true);
  world.sim.run_for(1s);
  EXPECT_EQ(world.nodes[0]->node.health().state, observability::NodeState::kStarting);
  world.sim.run_for(1500ms);
  EXPECT_EQ(world.nodes[0]->node.health().state, observability::NodeState::kDegraded);
}

}  // namespace
}  // namespace mr::app::test
