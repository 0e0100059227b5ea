#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "cluster_world.h"

namespace mr::app::test {
namespace {

void order_by_broker(config::Settings& settings) { settings.channel.broker_ordered = {"o*"}; }
void refuse_cut_off(config::Settings& settings) { settings.cluster.refuses_cut_off = true; }

std::vector<std::string> data_of(const SimClient& client, const std::string& channel) {
  std::vector<std::string> texts;
  for (const client::PusherEvent& event : client.events) {
    if (event.channel == channel) texts.push_back(event.data);
  }
  return texts;
}

// What a publish through a node was answered.
client::RestReply publish(ClusterWorld& world, std::size_t node, const std::string& channel,
                          const std::string& data) {
  std::optional<client::RestReply> got;
  world.rests[node]->publish({channel, "tick", data},
                             [&got](client::RestReply reply) { got = std::move(reply); });
  EXPECT_TRUE(world.sim.run_until([&got] { return got.has_value(); }, 10s));
  return got.value_or(client::RestReply{});
}

void run_ordered(std::uint64_t seed) {
  ClusterWorld world(seed, &order_by_broker);
  world.sim.run_for(2s);
  for (std::size_t i = 0; i < kNodes; ++i) world.connect(i, {"o1", "plain"});
  world.sim.run_for(1s);
  for (int i = 0; i < 60; ++i) {
    world.publish(world.random.below(kNodes), i % 4 == 0 ? "plain" : "o1", i);
    if (world.random.below(3) == 0) world.sim.run_for(1ms);
  }
  ASSERT_TRUE(world.settle());
  const std::vector<std::string> first = data_of(*world.clients[0], "o1");
  EXPECT_EQ(first.size(), 45U);
  for (const auto& client : world.clients) {
    EXPECT_EQ(data_of(*client, "o1"), first) << "every node has the broker's order";
    EXPECT_EQ(data_of(*client, "plain").size(), 15U);
  }
}

TEST(ClusterOrderSimTest, WithTheBrokersOrderAllNodesAgree) {
  const std::uint64_t first = chosen("MILLRACE_SIM_SEED", std::random_device()());
  const std::uint64_t runs = chosen("MILLRACE_SIM_RUNS", 100);
  for (std::uint64_t seed = first; seed < first + runs; ++seed) {
    SCOPED_TRACE("MILLRACE_SIM_SEED=" + std::to_string(seed) + " MILLRACE_SIM_RUNS=1");
    run_ordered(seed);
    if (::testing::Test::HasFailure()) return;
  }
}

TEST(ClusterOrderSimTest, APublisherIsAnsweredWhenItsMessageHasComeBack) {
  ClusterWorld world(5, &order_by_broker);
  world.sim.run_for(2s);
  SimClient& here = world.connect(0, {"o1"});
  world.sim.run_for(1s);
  EXPECT_EQ(publish(world, 0, "o1", "a").status, 200);
  world.sim.run_for(100ms);
  EXPECT_EQ(data_of(here, "o1"), std::vector<std::string>{"a"});
  // Node 2 has no subscriber, and hears the partition for the sake of its answer.
  EXPECT_EQ(publish(world, 2, "o1", "b").status, 200);
  EXPECT_EQ(publish(world, 2, "o2", "nobody hears it").status, 200);
  world.sim.run_for(100ms);
  EXPECT_EQ(data_of(here, "o1"), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(
      world.sample(0, "millrace_bus_ordered_total") + world.sample(2, "millrace_bus_ordered_total"),
      3);
}

TEST(ClusterOrderSimTest, WithoutTheBrokerOrderedChannelsRefuseAndOthersDoNot) {
  ClusterWorld world(6, &order_by_broker);
  world.sim.run_for(2s);
  SimClient& here = world.connect(0, {"o1", "plain"});
  world.sim.run_for(1s);
  // A publish that is on its way when the broker hangs is answered in time, and may still come.
  world.broker.set_hung(true);
  const client::RestReply late = publish(world, 0, "o1", "late");
  EXPECT_EQ(late.status, 503);
  EXPECT_NE(late.body.find("may have come to clients"), std::string::npos) << late.body;
  world.broker.set_hung(false);
  world.broker.set_down(true);
  world.sim.run_for(3s);
  const client::RestReply refused = publish(world, 0, "o1", "refused");
  EXPECT_EQ(refused.status, 503);
  EXPECT_NE(refused.body.find("other nodes cannot be reached"), std::string::npos) << refused.body;
  EXPECT_EQ(publish(world, 0, "plain", "here").status, 200);
  world.broker.set_down(false);
  world.sim.run_for(3s);
  EXPECT_EQ(publish(world, 0, "o1", "again").status, 200);
  world.sim.run_for(100ms);
  EXPECT_EQ(data_of(here, "o1").back(), "again");
  EXPECT_EQ(data_of(here, "plain"), std::vector<std::string>{"here"});
}

TEST(ClusterOrderSimTest, WhoRefusesWithoutTheBrokerSaysSoToAll) {
  ClusterWorld world(8, &refuse_cut_off);
  world.sim.run_for(2s);
  SimClient& before = world.connect(0, {"a"});
  world.sim.run_for(1s);
  world.broker.set_down(true);
  world.sim.run_for(3s);
  const observability::NodeHealth health = world.nodes[0]->node.health();
  EXPECT_EQ(health.state, observability::NodeState::kDegraded);
  EXPECT_TRUE(health.is_refusing);
  EXPECT_EQ(publish(world, 0, "a", "x").status, 503);
  SimClient& late = world.connect(0, {"a", "presence-a"});
  world.sim.run_for(1s);
  EXPECT_TRUE(late.subscribed.empty());
  EXPECT_FALSE(late.closed);
  world.broker.set_down(false);
  world.sim.run_for(3s);
  EXPECT_FALSE(world.nodes[0]->node.health().is_refusing);
  EXPECT_EQ(publish(world, 0, "a", "y").status, 200);
  late->subscribe("a", std::nullopt);
  world.sim.run_for(1s);
  EXPECT_EQ(late.subscribed, std::vector<std::string>{"a"});
  EXPECT_EQ(data_of(before, "a"), std::vector<std::string>{"y"});
}

}  // namespace
}  // namespace mr::app::test
