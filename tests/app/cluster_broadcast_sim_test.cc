#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "cluster_world.h"

namespace mr::app::test {
namespace {

std::vector<std::string> data_of(const SimClient& client, const std::string& channel) {
  std::vector<std::string> texts;
  for (const client::PusherEvent& event : client.events) {
    if (event.channel == channel) texts.push_back(event.data);
  }
  return texts;
}

channel::BroadcastEvent event_of(const std::string& data) { return {"news", "\"" + data + "\""}; }

// Three nodes with a client each, and what they broadcast.
class ClusterBroadcastSimTest : public ::testing::Test {
 protected:
  ClusterBroadcastSimTest() : world_(11) {
    world_.sim.run_for(2s);
    for (std::size_t i = 0; i < kNodes; ++i) world_.connect(i, {"a"});
    world_.sim.run_for(1s);
  }
  void broadcast(std::size_t node, const channel::BroadcastEvent& event) {
    model::AppOptions described;
    described.id = "app";
    const auto app = base::make_ref<const model::App>(described);
    SimNode& at = *world_.nodes[node];
    at.runtime.loop(0).post([&at, app, event] {
      at.node.exchange(0).broadcast(app, event, [](const channel::PublishOutcome& outcome) {
        EXPECT_EQ(outcome.status, channel::PublishStatus::kReleased);
      });
    });
    world_.sim.run_for(500ms);
  }
  std::vector<std::string> heard(std::size_t client) {
    return data_of(*world_.clients[client], "");
  }

  ClusterWorld world_;
};

TEST_F(ClusterBroadcastSimTest, EveryConnectionOfEveryNodeGetsItOnce) {
  broadcast(0, event_of("x"));
  broadcast(2, event_of("y"));
  for (std::size_t i = 0; i < kNodes; ++i) {
    EXPECT_EQ(heard(i), (std::vector<std::string>{"x", "y"})) << i;
  }
}

TEST_F(ClusterBroadcastSimTest, AConnectionOrANodeCanBeLeftOut) {
  channel::BroadcastEvent event = event_of("x");
  event.except_node = host_of(1);
  broadcast(0, event);
  EXPECT_EQ(heard(0).size() + heard(2).size(), 2U);
  EXPECT_TRUE(heard(1).empty());
  event.except_node = host_of(0);
  broadcast(0, event);
  EXPECT_EQ(heard(0).size(), 1U) << "the node of the publisher too";
  EXPECT_EQ(heard(1).size(), 1U);
}

TEST_F(ClusterBroadcastSimTest, WhatWaitedForTheBrokerIsSentInOrder) {
  world_.broker.set_down(true);
  world_.sim.run_for(3s);
  broadcast(0, event_of("1"));
  broadcast(0, event_of("2"));
  EXPECT_EQ(heard(0).size(), 2U);
  EXPECT_TRUE(heard(1).empty());
  world_.broker.set_down(false);
  world_.sim.run_for(4s);
  broadcast(0, event_of("3"));
  EXPECT_EQ(heard(1), (std::vector<std::string>{"1", "2", "3"}));
  EXPECT_EQ(world_.sample(1, "millrace_cluster_broadcasts_missed_total"), 0);
}

TEST(ClusterGapSimTest, WhoAskedIsToldOfMessagesThatDidNotCome) {
  ClusterWorld world(12);
  world.sim.run_for(2s);
  SimClient& asking = world.connect(1, {});
  SimClient& plain = world.connect(1, {"a"});
  asking->send(R"({"event":"pusher:subscribe","data":{"channel":"a","gaps":true}})");
  world.sim.run_for(1s);
  world.publish(0, "a", 1);
  ASSERT_TRUE(world.settle());
  // Node 1 hears nothing for a moment.
  world.broker.set_cut(host_of(1), true, true);
  world.publish(0, "a", 2);
  world.publish(0, "a", 3);
  world.sim.run_for(1s);
  world.broker.drop(host_of(1));
  world.broker.set_cut(host_of(1), false, false);
  SimClient& late = world.connect(1, {});
  world.sim.run_for(5s);
  late->send(R"({"event":"pusher:subscribe","data":{"channel":"a","gaps":true}})");
  world.publish(0, "a", 4);
  ASSERT_TRUE(world.settle());
  const auto gaps_of = [](const SimClient& client) {
    std::vector<std::string> told;
    for (const client::PusherEvent& event : client.gaps) told.push_back(event.data);
    return told;
  };
  EXPECT_EQ(data_of(asking, "a"), (std::vector<std::string>{"1", "4"}));
  EXPECT_EQ(gaps_of(asking), std::vector<std::string>{R"({"channel":"a","missed":2})"});
  EXPECT_TRUE(gaps_of(plain).empty());
  EXPECT_TRUE(gaps_of(late).empty()) << "it came after the gap was found";
  EXPECT_EQ(world.sample(1, "millrace_gaps_told_total"), 1);

  // A node that dies cannot tell what was lost with it.
  world.broker.set_cut(host_of(1), true, true);
  world.publish(0, "a", 5);
  world.sim.run_for(1s);
  world.nodes[0].reset();
  world.broker.drop(host_of(1));
  world.broker.set_cut(host_of(1), false, false);
  world.sim.run_for(10s);
  for (const std::string& told : gaps_of(asking)) {
    EXPECT_TRUE(told == R"({"channel":"a","missed":2})" ||
                told == R"({"channel":"a","missed":null})")
        << told;
  }
}

}  // namespace
}  // namespace mr::app::test
