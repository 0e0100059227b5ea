#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "cluster_world.h"

namespace mr::app::test {
namespace {

constexpr std::uint16_t kOverQuota = 4004;
constexpr auto kWatched = 6s;  // before a store's first life is trusted

void limit_app(config::Settings& settings) { settings.apps.front().max_connections = 10; }

// Clients of one node that try to connect.
struct Crowd {
  std::vector<SimClient*> clients;

  std::size_t connected() const {
    return static_cast<std::size_t>(std::ranges::count_if(
        clients, [](const SimClient* client) { return client->connected && !client->closed; }));
  }
  std::size_t refused() const {
    return static_cast<std::size_t>(std::ranges::count_if(
        clients, [](const SimClient* client) { return client->close_code == kOverQuota; }));
  }
};

Crowd crowd(ClusterWorld& world, std::size_t node, std::size_t count) {
  Crowd made;
  for (std::size_t i = 0; i < count; ++i) {
    made.clients.push_back(
        world.clients.emplace_back(std::make_unique<SimClient>(world.loop(), world.address(node)))
            .get());
  }
  return made;
}

TEST(SharedLimitsSimTest, ThreeNodesTogetherAdmitAsManyAsTheAppMayHave) {
  for (const std::uint64_t seed : {1, 2, 3, 4, 5}) {
    ClusterWorld world(seed, &limit_app);
    world.sim.run_for(kWatched);
    std::vector<Crowd> crowds;
    for (std::size_t i = 0; i < kNodes; ++i) crowds.push_back(crowd(world, i, 5));
    world.sim.run_for(3s);
    std::size_t connected = 0, refused = 0;
    for (const Crowd& crowd : crowds) {
      connected += crowd.connected();
      refused += crowd.refused();
    }
    EXPECT_EQ(connected, 10U) << "seed " << seed;
    EXPECT_EQ(refused, 5U);
    // What one gives back another node's client gets.
    const auto open =
        std::ranges::find_if(world.clients, &SimClient::connected,
                             [](const auto& client) -> SimClient& { return *client; });
    (**open)->close();
    world.sim.run_for(1s);
    EXPECT_EQ(crowd(world, 2, 1).clients.size(), 1U);
    world.sim.run_for(2s);
    EXPECT_TRUE(world.clients.back()->connected) << "seed " << seed;
  }
}

TEST(SharedLimitsSimTest, TheShareOfANodeThatCrashedIsFreeAfterSixSeconds) {
  ClusterWorld world(9, &limit_app);
  world.sim.run_for(kWatched);
  const Crowd first = crowd(world, 0, 10);
  world.sim.run_for(3s);
  ASSERT_EQ(first.connected(), 10U);
  EXPECT_EQ(world.sample(0, "millrace_quota_used"), 10);
  world.nodes[0].reset();
  world.sim.run_for(3s);
  const Crowd early = crowd(world, 1, 3);
  world.sim.run_for(1500ms);
  EXPECT_EQ(early.refused(), 3U) << "it may still be alive";
  world.sim.run_for(1500ms);
  const Crowd second = crowd(world, 1, 12);
  world.sim.run_for(2s);
  EXPECT_EQ(second.connected(), 10U);
  EXPECT_EQ(second.refused(), 2U);
  EXPECT_GE(world.sample(1, "millrace_quota_refusals_total"), 5);
}

TEST(SharedLimitsSimTest, WhatANodeThatEndsInOrderHeldIsFreeAtOnce) {
  ClusterWorld world(10, &limit_app);
  world.sim.run_for(kWatched);
  const Crowd first = crowd(world, 0, 10);
  world.sim.run_for(3s);
  ASSERT_EQ(first.connected(), 10U);
  bool is_drained = false;
  world.nodes[0]->node.begin_drain([&is_drained] { is_drained = true; });
  ASSERT_TRUE(world.sim.run_until([&] { return is_drained; }, 60s));
  world.nodes[0].reset();
  const Crowd second = crowd(world, 1, 10);
  world.sim.run_for(1500ms);
  EXPECT_EQ(second.connected(), 10U);
}

TEST(SharedLimitsSimTest, WithoutTheBrokerANodeAdmitsFromItsShareOrNobody) {
  for (const bool refuses : {false, true}) {
    ClusterWorld world(11, [refuses](config::Settings& settings) {
      limit_app(settings);
      settings.cluster.refuses_without_store = refuses;
    });
    world.sim.run_for(kWatched);
    const Crowd before = crowd(world, 0, 4);
    world.sim.run_for(3s);
    ASSERT_EQ(before.connected(), 4U);
    world.broker.set_down(true);
    world.sim.run_for(6s);
    for (SimClient* client : before.clients) (*client)->close();
    world.sim.run_for(1s);
    const Crowd after = crowd(world, 0, 12);
    world.sim.run_for(2s);
    if (refuses) {
      EXPECT_EQ(after.connected(), 0U);
    } else {
      EXPECT_GE(after.connected(), 4U) << "what it held";
      EXPECT_LT(after.connected(), 10U);
    }
    EXPECT_EQ(after.refused(), 12 - after.connected());
    world.broker.set_down(false);
    world.sim.run_for(4s);
    const Crowd again = crowd(world, 1, 12);
    world.sim.run_for(2s);
    EXPECT_EQ(again.connected() + after.connected(), 10U) << "exact again";
  }
}

TEST(SharedLimitsSimTest, AUserHasItsConnectionsOnAllNodesTogether) {
  ClusterWorld world(12, [](config::Settings& settings) {
    settings.apps.front().enable_user_authentication = true;
    settings.apps.front().max_connections_per_user = 2;
  });
  world.sim.run_for(kWatched);
  std::vector<SimClient*> clients;
  for (std::size_t i = 0; i < kNodes; ++i) {
    clients.push_back(&world.connect(i, {}));
    (*clients.back())->sign_in(R"({"id":"u"})");
    world.sim.run_for(2s);
  }
  EXPECT_FALSE(clients[0]->closed);
  EXPECT_FALSE(clients[1]->closed);
  EXPECT_EQ(clients[2]->close_code, kOverQuota);
  (*clients[0])->close();
  world.sim.run_for(1s);
  SimClient& next = world.connect(2, {});
  next->sign_in(R"({"id":"u"})");
  world.sim.run_for(2s);
  EXPECT_FALSE(next.closed);
}

}  // namespace
}  // namespace mr::app::test
