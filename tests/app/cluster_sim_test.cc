#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "app/bus_source.h"
#include "client/rest_client.h"
#include "cluster/memory/memory_broker.h"
#include "sim_node.h"

namespace mr::app::test {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kNodes = 3;

std::uint64_t number_of(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

std::string host_of(std::size_t node) { return "10.0.1." + std::to_string(node + 1); }

class MemorySource final : public BusSource {
 public:
  MemorySource(cluster::memory::MemoryBroker& broker, std::string node)
      : broker_(broker), node_(std::move(node)) {}
  std::unique_ptr<cluster::Bus> make_bus(net::Loop& loop, cluster::BusEvents& events) override {
    return broker_.connect(loop, node_, events);
  }
  std::unique_ptr<cluster::Registry> make_registry(net::Loop&, cluster::Bus& bus) override {
    return broker_.registry(bus);
  }

 private:
  cluster::memory::MemoryBroker& broker_;
  const std::string node_;
};

// Three whole nodes on one modelled broker, with clients and publishers over the network.
class World {
 public:
  explicit World(std::uint64_t seed)
      : sim(seed),
        random(seed ^ 0xc1a5),
        network(sim),
        broker(sim.clock(), random,
               [this](base::Duration delay, base::Task task) {
                 sim.at(sim.clock().now() + delay, std::move(task));
               }),
        clients_runtime(sim, network, {"10.0.0.2", 1}) {
    for (std::size_t i = 0; i < kNodes; ++i) {
      sources.push_back(std::make_unique<MemorySource>(broker, host_of(i)));
      config::Settings settings = settings_of_test();
      settings.host = settings.metrics.host = host_of(i);
      settings.cluster.name = host_of(i);
      nodes.push_back(std::make_unique<SimNode>(sim, network, settings, 1 + (seed + i) % 3,
                                                Node::Given{.buses = sources[i].get()}));
      EXPECT_TRUE(nodes[i]->node.start());
      rests.push_back(std::make_unique<client::RestClient>(
          loop(), client::RestOptions{address(i), {}, "app", "key", "secret"}));
    }
  }
  net::Loop& loop() { return clients_runtime.loop(0); }
  net::Address address(std::size_t node) const { return {host_of(node), nodes[node]->node.port()}; }
  SimClient& connect(std::size_t node, const std::vector<std::string>& channels) {
    SimClient& client = *clients.emplace_back(std::make_unique<SimClient>(loop(), address(node)));
    EXPECT_TRUE(sim.run_until([&] { return client.connected; }, 10s));
    for (const std::string& channel : channels) client->subscribe(channel, std::nullopt);
    return client;
  }
  void publish(std::size_t node, const std::string& channel, int number) {
    ++asked;
    rests[node]->publish({channel, "tick", std::to_string(number)},
                         [this](const client::RestReply& reply) {
                           EXPECT_EQ(reply.status, 200) << reply.body;
                           ++answered;
                         });
  }
  bool settle() {
    return sim.run_until([this] { return answered == asked; }, 30s) && (sim.run_for(2s), true);
  }

  // Of all loops of a node.
  double sample(std::size_t node, const std::string& name) {
    double sum = 0;
    bool is_done = false;
    nodes[node]->node.collect([&](std::vector<observability::GaugeSample> samples) {
      for (const auto& sample : samples) {
        if (sample.name == name) sum += sample.value;
      }
      is_done = true;
    });
    EXPECT_TRUE(sim.run_until([&] { return is_done; }, 5s));
    return sum;
  }

  net::sim::Sim sim;
  base::SeededRandom random;
  net::sim::SimNetwork network;
  cluster::memory::MemoryBroker broker;
  net::sim::SimRuntime clients_runtime;
  std::vector<std::unique_ptr<MemorySource>> sources;
  std::vector<std::unique_ptr<SimNode>> nodes;
  std::vector<std::unique_ptr<client::RestClient>> rests;
  std::vector<std::unique_ptr<SimClient>> clients;
  int asked = 0;
  int answered = 0;
};

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
  World world(seed);
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
  const std::uint64_t first = number_of("MILLRACE_SIM_SEED", std::random_device()());
  const std::uint64_t runs = number_of("MILLRACE_SIM_RUNS", 200);
  for (std::uint64_t seed = first; seed < first + runs; ++seed) {
    SCOPED_TRACE("MILLRACE_SIM_SEED=" + std::to_string(seed) + " MILLRACE_SIM_RUNS=1");
    run_publishes(seed);
    if (::testing::Test::HasFailure()) return;
  }
}

// Subscribers come while another node publishes, and each is the first one on its node.
void run_joins(std::uint64_t seed) {
  World world(seed);
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
  const std::uint64_t first = number_of("MILLRACE_SIM_SEED", std::random_device()());
  const std::uint64_t runs = number_of("MILLRACE_SIM_RUNS", 200);
  for (std::uint64_t seed = first; seed < first + runs; ++seed) {
    SCOPED_TRACE("MILLRACE_SIM_SEED=" + std::to_string(seed) + " MILLRACE_SIM_RUNS=1");
    run_joins(seed);
    if (::testing::Test::HasFailure()) return;
  }
}

TEST(ClusterSimTest, WithoutTheBrokerEachNodeServesItsOwnAndSaysSo) {
  World world(7);
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
  // What waited was sent at once; a node that came back later counts it.
  const std::vector<int> heard = numbers_of(there, "a");
  EXPECT_EQ(heard.back(), 2);
  EXPECT_EQ(heard.size() + static_cast<std::size_t>(world.sample(1, "millrace_bus_missed_total")),
            2U);
}

TEST(ClusterSimTest, ANodeIsReadyWhenItHasJoinedOrAfterTwoSecondsAlone) {
  World world(3);
  world.broker.set_down(true);
  world.sim.run_for(1s);
  EXPECT_EQ(world.nodes[0]->node.health().state, observability::NodeState::kStarting);
  world.sim.run_for(1500ms);
  EXPECT_EQ(world.nodes[0]->node.health().state, observability::NodeState::kDegraded);
}

}  // namespace
}  // namespace mr::app::test
