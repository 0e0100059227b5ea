#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "late_order.h"
#include "sim_node.h"

namespace mr::app::test {
namespace {

// `MILLRACE_SIM_SEED` and `MILLRACE_SIM_RUNS` choose; each failure names its seed.
std::uint64_t first_seed() {
  const char* text = std::getenv("MILLRACE_SIM_SEED");
  return text == nullptr ? 1 : std::strtoull(text, nullptr, 10);
}
std::uint64_t runs() {
  const char* text = std::getenv("MILLRACE_SIM_RUNS");
  return text == nullptr ? 200 : std::strtoull(text, nullptr, 10);
}

// One run: clients on channels, publishes by REST and client events, random joins and leaves.
struct World {
  explicit World(std::uint64_t seed, bool is_late = false)
      : sim(seed),
        network(sim),
        clients_runtime(sim, network, {"10.0.0.2", 2}),
        late(sim),
        server(sim, network, settings_of_test(), 1 + seed % 4,
               {.order = is_late ? &late : nullptr}),
        random(seed ^ 0x5eed) {
    late.set_runtime(server.runtime);
    const auto started = server.node.start();
    EXPECT_TRUE(started);
    address = {"10.0.0.1", server.node.port()};
  }

  SimClient& add_client() {
    clients.push_back(
        std::make_unique<SimClient>(clients_runtime.loop(clients.size() % 2), address));
    return *clients.back();
  }
  std::unique_ptr<client::RestClient> rest() {
    return std::make_unique<client::RestClient>(
        clients_runtime.loop(0), client::RestOptions{address, {}, "app", "key", "secret"});
  }

  net::sim::Sim sim;
  net::sim::SimNetwork network;
  net::sim::SimRuntime clients_runtime;
  LateOrder late;
  SimNode server;
  base::SeededRandom random;
  net::Address address;
  std::vector<std::unique_ptr<SimClient>> clients;
};

std::string data_of(int number) { return "n" + std::to_string(number); }

// Subscribers hear every message that was accepted after their subscription, once and in order.
std::uint64_t run_publishes(std::uint64_t seed, bool is_late) {
  World world(seed, is_late);
  constexpr int kClients = 6;
  constexpr int kMessages = 60;
  const std::vector<std::string> channels = {"a", "private-b", "presence-c", "d:1"};
  for (int i = 0; i < kClients; ++i) world.add_client();
  auto rest = world.rest();
  EXPECT_TRUE(world.sim.run_until(
      [&] {
        for (const auto& client : world.clients) {
          if (!client->connected) return false;
        }
        return true;
      },
      10s));
  std::size_t wanted = 0;
  for (std::size_t i = 0; i < world.clients.size(); ++i) {
    for (const std::string& channel : channels) {
      std::optional<std::string> member;
      if (channel == "presence-c") member = R"({"user_id":)" + std::to_string(i % 3) + "}";
      (*world.clients[i])->subscribe(channel, member);
    }
    wanted += channels.size();
  }
  const auto subscribed = [&] {
    std::size_t count = 0;
    for (const auto& client : world.clients) count += client->subscribed.size();
    return count == wanted;
  };
  EXPECT_TRUE(world.sim.run_until(subscribed, 10s));
  std::map<std::string, std::vector<std::string>> sent;
  int answered = 0;
  for (int i = 0; i < kMessages; ++i) {
    const std::string& channel = channels[world.random.below(channels.size())];
    sent[channel].push_back(data_of(i));
    rest->publish({channel, "tick", data_of(i)}, [&](const client::RestReply& reply) {
      EXPECT_EQ(reply.status, 200) << reply.body;
      ++answered;
    });
    if (world.random.below(3) == 0) {
      world.sim.run_for(std::chrono::microseconds(world.random.below(3000)));
    }
  }
  EXPECT_TRUE(world.sim.run_until([&] { return answered == kMessages; }, 30s));
  world.sim.run_for(1s);
  for (const auto& client : world.clients) {
    std::map<std::string, std::vector<std::string>> got;
    for (const client::PusherEvent& event : client->events)
      got[event.channel].push_back(event.data);
    EXPECT_EQ(got, sent);
  }
  return world.sim.hash();
}

TEST(NodeSimTest, EveryMessageOnceAndInOrder) {
  for (std::uint64_t seed = first_seed(); seed < first_seed() + runs(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    run_publishes(seed, false);
    if (::testing::Test::HasFailure()) return;
  }
}

TEST(NodeSimTest, LateOrderKeepsTheOrderOfAcceptance) {
  const std::uint64_t count = std::max<std::uint64_t>(1, runs() / 4);
  for (std::uint64_t seed = first_seed(); seed < first_seed() + count; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    run_publishes(seed, true);
    if (::testing::Test::HasFailure()) return;
  }
}

TEST(NodeSimTest, OneSeedTwiceGivesOneHash) {
  const std::uint64_t seed = first_seed();
  EXPECT_EQ(run_publishes(seed, true), run_publishes(seed, true));
  EXPECT_NE(run_publishes(seed, true), run_publishes(seed + 1, true));
}

TEST(NodeSimTest, AFullFifoIsRefusedAndOtherChannelsGoOn) {
  net::sim::Sim sim(first_seed());
  net::sim::SimNetwork network(sim);
  net::sim::SimRuntime peers(sim, network, {"10.0.0.2", 1});
  LateOrder late(sim);
  late.spare("quick");
  config::Settings settings = settings_of_test();
  settings.channel.fifo_messages_max = 5;
  SimNode server(sim, network, settings, 2, {.order = &late});
  late.set_runtime(server.runtime);
  ASSERT_TRUE(server.node.start());
  client::RestClient rest(peers.loop(0),
                          {{"10.0.0.1", server.node.port()}, {}, "app", "key", "secret"});
  std::map<int, int> statuses;
  int answered = 0;
  for (int i = 0; i < 20; ++i) {
    rest.publish({"slow", "e", "x"}, [&](const client::RestReply& reply) {
      ++statuses[reply.status];
      ++answered;
    });
  }
  // The same connection would wait for its turn: answers keep the order of requests.
  client::RestClient other(peers.loop(0),
                           {{"10.0.0.1", server.node.port()}, {}, "app", "key", "secret"});
  bool quick = false;
  other.publish({"quick", "e", "x"}, [&](const client::RestReply& reply) {
    quick = reply.ok();
    EXPECT_LT(answered, 20);
  });
  ASSERT_TRUE(sim.run_until([&] { return answered == 20; }, 10s));
  EXPECT_TRUE(quick);
  EXPECT_GE(statuses[503], 1);
  EXPECT_EQ(statuses[200] + statuses[503], 20);
}

TEST(NodeSimTest, DrainClosesEverybodyWith4200AndEnds) {
  net::sim::Sim sim(first_seed());
  net::sim::SimNetwork network(sim);
  net::sim::SimRuntime peers(sim, network, {"10.0.0.2", 1});
  config::Settings settings = settings_of_test();
  settings.shutdown_grace_period = 4s;
  SimNode server(sim, network, settings, 3);
  ASSERT_TRUE(server.node.start());
  std::vector<std::unique_ptr<SimClient>> clients;
  for (int i = 0; i < 40; ++i) {
    clients.push_back(
        std::make_unique<SimClient>(peers.loop(0), net::Address{"10.0.0.1", server.node.port()}));
  }
  const auto count = [&](bool SimClient::* what) {
    std::size_t n = 0;
    for (const auto& client : clients) n += (*client).*what ? 1U : 0U;
    return n;
  };
  ASSERT_TRUE(sim.run_until([&] { return count(&SimClient::connected) == 40; }, 10s));
  bool drained = false;
  server.runtime.control().post([&] { server.node.begin_drain([&] { drained = true; }); });
  // No second has more than 1.5 times its share of the closes.
  for (std::size_t second = 0, before = 0; second < 4; ++second) {
    sim.run_for(1s);
    const std::size_t closed = count(&SimClient::closed);
    EXPECT_LE(closed - before, 15U) << "second " << second;
    before = closed;
  }
  ASSERT_TRUE(sim.run_until([&] { return drained; }, 2s));
  sim.run_for(100ms);
  EXPECT_EQ(count(&SimClient::closed), 40U);
  for (const auto& client : clients) EXPECT_EQ(client->close_code, 4200);
}

}  // namespace
}  // namespace mr::app::test
