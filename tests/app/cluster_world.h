#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "app/bus_source.h"
#include "client/rest_client.h"
#include "cluster/memory/memory_broker.h"
#include "sim_node.h"

namespace mr::app::test {

using namespace std::chrono_literals;

inline constexpr std::size_t kNodes = 3;

// `MILLRACE_SIM_SEED` and `MILLRACE_SIM_RUNS` choose; each failure names its seed.
inline std::uint64_t chosen(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

inline std::string host_of(std::size_t node) { return "10.0.1." + std::to_string(node + 1); }

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
  std::unique_ptr<cluster::Store> make_store(net::Loop& loop) override {
    return broker_.store(loop, node_);
  }

 private:
  cluster::memory::MemoryBroker& broker_;
  const std::string node_;
};

// Three whole nodes on one modelled broker, with clients and publishers over the network.
class ClusterWorld {
 public:
  // `change`: what is other than usual in the settings of all nodes.
  explicit ClusterWorld(std::uint64_t seed,
                        base::Function<void(config::Settings&)> change_of_settings = {})
      : sim(seed),
        change(std::move(change_of_settings)),
        random(seed ^ 0xc1a5),
        network(sim),
        broker(sim.clock(), random,
               [this](base::Duration delay, base::Task task) {
                 sim.at(sim.clock().now() + delay, std::move(task));
               }),
        clients_runtime(sim, network, {"10.0.0.2", 1}) {
    nodes.resize(kNodes);
    ports.resize(kNodes);
    for (std::size_t i = 0; i < kNodes; ++i) {
      sources.push_back(std::make_unique<MemorySource>(broker, host_of(i)));
      start(i);
      rests.push_back(std::make_unique<client::RestClient>(
          loop(), client::RestOptions{address(i), {}, "app", "key", "secret"}));
    }
  }
  // Again on the same port, after it ended.
  void start(std::size_t i) {
    config::Settings settings = settings_of_test();
    settings.host = settings.metrics.host = host_of(i);
    settings.port = ports[i];
    settings.cluster.name = settings.channel.node_name = host_of(i);
    if (change) change(settings);
    nodes[i] = std::make_unique<SimNode>(sim, network, settings, 1 + i % 3,
                                         Node::Given{.buses = sources[i].get()});
    EXPECT_TRUE(nodes[i]->node.start());
    ports[i] = nodes[i]->node.port();
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
  base::Function<void(config::Settings&)> change;
  base::SeededRandom random;
  net::sim::SimNetwork network;
  cluster::memory::MemoryBroker broker;
  net::sim::SimRuntime clients_runtime;
  std::vector<std::unique_ptr<MemorySource>> sources;
  std::vector<std::uint16_t> ports;
  std::vector<std::unique_ptr<SimNode>> nodes;
  std::vector<std::unique_ptr<client::RestClient>> rests;
  std::vector<std::unique_ptr<SimClient>> clients;
  int asked = 0;
  int answered = 0;
};

}  // namespace mr::app::test
