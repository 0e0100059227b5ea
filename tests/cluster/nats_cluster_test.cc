#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cluster/ask_registry.h"
#include "cluster/bus_contract.h"
#include "cluster/counter_contract.h"
#include "cluster/epoll_driver.h"
#include "cluster/nats/nats_bus.h"
#include "cluster/nats/nats_registry.h"
#include "cluster/nats/nats_store.h"
#include "cluster/store_contract.h"
#include "cluster/store_counter.h"
#include "net/worker_thread.h"
#include "support/nats_server.h"

namespace mr::cluster::test {
namespace {

using namespace std::chrono_literals;
using mr::test::NatsServer;
using nats::NatsBus;
using nats::NatsLink;
using nats::NatsOptions;
using nats::NatsRegistry;

constexpr Subject kSubject = partition_subject(3);

// Three servers that are one NATS cluster, with JetStream.
class NatsCluster final : public BackEnd {
 public:
  NatsCluster() {
    std::array<std::string, 3> routes;
    std::string all;
    for (std::string& route : routes) {
      route = "127.0.0.1:" + std::to_string(mr::test::free_port());
      all += (all.empty() ? "\"nats://" : ", \"nats://") + route + "\"";
    }
    for (std::size_t i = 0; i < routes.size(); ++i) {
      NatsServer::Options options;
      options.config = "server_name: s" + std::to_string(i) + "\ncluster { name: c, listen: \"" +
                       routes[i] + "\", routes: [ " + all + "] }";
      servers.push_back(std::make_unique<NatsServer>(std::move(options)));
      servers.back()->start();
    }
    worker.start();
  }
  ~NatsCluster() override { worker.stop(); }

  net::Loop& loop() override { return driver_.loop(); }
  bool run_until(const std::function<bool()>& done, base::Duration limit) override {
    return driver_.run_until(done, limit);
  }
  // Of a node of its own.
  std::unique_ptr<Bus> make_bus(const BusSetup&, BusEvents& events) override {
    links_.push_back(std::make_unique<NatsLink>(driver_.loop(), options()));
    return std::make_unique<NatsBus>(driver_.loop(), *links_.back(), events);
  }
  // Empty again.
  void start_broker() override {
    for (const auto& server : servers) server->start();
  }
  void stop_broker() override {
    for (const auto& server : servers) server->kill();
  }
  void pause_broker() override {
    for (const auto& server : servers) server->pause();
  }
  void resume_broker() override {
    for (const auto& server : servers) server->resume();
  }
  std::string address() const override { return servers[0]->address(); }

  NatsOptions options() const {
    NatsOptions with;
    with.servers.clear();
    for (const std::size_t number : known) with.servers.push_back(servers[number]->address());
    return with;
  }
  // JetStream has a leader.
  // All three take copies.
  bool has_store() const {
    const auto told = [this](const std::string& verb, const std::string& body) {
      return servers[0]->ask("SUB told 1\r\nPUB $JS.API.STREAM." + verb + ".warm told " +
                                 std::to_string(body.size()) + "\r\n" + body + "\r\n",
                             "\"type\"");
    };
    const std::string made = told(
        "CREATE", R"({"name":"warm","subjects":["warm"],"storage":"memory","num_replicas":3})");
    if (made.find("\"created\"") == std::string::npos) return false;
    told("DELETE", "");
    return true;
  }

  std::vector<std::unique_ptr<NatsServer>> servers;
  std::vector<std::size_t> known = {0};  // servers, of the nodes that are made from now on
  net::WorkerThread worker;

 private:
  EpollDriver driver_;
  std::vector<std::unique_ptr<NatsLink>> links_;
};

constexpr base::Duration kElection = 20s;

// The three servers are for all tests of a contract: each has buckets of its own there.
std::string next_ending() {
  static int made = 0;
  return std::to_string(++made);
}

class ClusterStores final : public StoreBackEnd {
 public:
  explicit ClusterStores(std::shared_ptr<NatsCluster> of) : nats_(std::move(of)) {}

  net::Loop& loop() override { return nats_->loop(); }
  bool run_until(const std::function<bool()>& done, base::Duration limit) override {
    return nats_->run_until(done, limit);
  }
  // Of a node of its own.
  std::unique_ptr<Store> make_store(const StoreSetup& setup) override {
    NatsOptions options = nats_->options();
    options.prefix = setup.prefix + own_;
    links_.push_back(std::make_unique<nats::KvLink>(nats_->loop(), options, setup.times,
                                                    [](const std::string&) {}));
    return std::make_unique<nats::NatsStore>(nats_->loop(), *links_.back());
  }
  void start_broker() override { nats_->start_broker(); }
  void stop_broker() override { nats_->stop_broker(); }
  void pause_broker() override { nats_->pause_broker(); }
  void resume_broker() override { nats_->resume_broker(); }
  std::string address() const override { return nats_->address(); }
  base::Duration serves_within() const override { return kElection; }

 private:
  const std::shared_ptr<NatsCluster> nats_;
  const std::string own_ = next_ending();
  std::vector<std::unique_ptr<nats::KvLink>> links_;
};

std::shared_ptr<NatsCluster> common_cluster() {
  static const auto kCluster = std::make_shared<NatsCluster>();
  return kCluster;
}

INSTANTIATE_TEST_SUITE_P(NatsCluster, StoreContract, testing::Values(+[] {
                           return std::unique_ptr<StoreBackEnd>(
                               new ClusterStores(common_cluster()));
                         }),
                         [](const auto&) { return std::string("ThreeServers"); });

class ClusterCounters final : public CounterBackEnd {
 public:
  explicit ClusterCounters(std::shared_ptr<NatsCluster> of) : nats_(of), stores_(std::move(of)) {}

  net::Loop& loop() override { return nats_->loop(); }
  bool run_until(const std::function<bool()>& done, base::Duration limit) override {
    return nats_->run_until(done, limit);
  }
  std::unique_ptr<Counter> make_counter(const std::string& node, CounterEvents& events) override {
    return std::make_unique<StoreCounter>(
        nats_->loop(), StoreCounter::Source{stores_.make_store({}), node, "NATS"}, events);
  }
  void start_broker() override { nats_->start_broker(); }
  void stop_broker() override { nats_->stop_broker(); }
  void pause_broker() override { nats_->pause_broker(); }
  void resume_broker() override { nats_->resume_broker(); }
  base::Duration serves_within() const override { return kElection; }

 private:
  const std::shared_ptr<NatsCluster> nats_;
  ClusterStores stores_;
};

INSTANTIATE_TEST_SUITE_P(NatsCluster, CounterContract, testing::Values(+[] {
                           return std::unique_ptr<CounterBackEnd>(
                               new ClusterCounters(common_cluster()));
                         }),
                         [](const auto&) { return std::string("ThreeServers"); });

TEST(NatsClusterTest, NodesOnDifferentServersHearEachOtherAlsoAfterOneDied) {
  constexpr int kEnvelopes = 1000;
  NatsCluster nats;
  nats.known = {0, 1};
  Listener here(nats);
  nats.known = {1};
  Listener there(nats);
  // So it is the other one that the first node takes.
  nats.servers[1]->stop();
  for (Listener* each : {&here, &there}) {
    each->start();
    ASSERT_TRUE(nats.run_until([&] { return each->is_open; }, 10s));
    each->subscribe(kSubject);
    ASSERT_TRUE(nats.run_until([&] { return each->has_confirmed(kSubject); }, 5s));
    if (each == &here) nats.servers[1]->start();
  }
  // Servers tell each other of a subscription a moment after its confirmation.
  ASSERT_TRUE(nats.run_until(
      [&] {
        here.publish(kSubject, "first");
        return !there.got.empty();
      },
      10s));
  here.publish(kSubject, "begin");
  for (int i = 0; i < kEnvelopes; ++i) ASSERT_TRUE(here.publish(kSubject, std::to_string(i)));
  ASSERT_TRUE(nats.run_until(
      [&] { return there.got.back().second == std::to_string(kEnvelopes - 1); }, 10s));
  const auto begin = std::ranges::find(there.got, std::pair(kSubject, std::string("begin")));
  ASSERT_EQ(there.got.end() - begin, kEnvelopes + 1);
  for (int i = 0; i < kEnvelopes; ++i) EXPECT_EQ((begin + 1 + i)->second, std::to_string(i));

  nats.servers[0]->kill();
  ASSERT_TRUE(nats.run_until([&] { return !here.losses.empty() && here.is_open; }, 5s));
  there.got.clear();
  ASSERT_TRUE(nats.run_until(
      [&] {
        here.publish(kSubject, "again");
        return !there.got.empty() && there.got.back().second == "again";
      },
      10s));
}

TEST(NatsClusterTest, LinesOfNodesHaveThreeCopies) {
  NatsCluster nats;
  const base::TimePoint deadline = nats.loop().clock().now() + 30s;
  while (!nats.has_store() && nats.loop().clock().now() < deadline) {
    nats.run_until([] { return false; }, 100ms);
  }
  ASSERT_TRUE(nats.has_store());
  std::vector<std::string> missing;
  const auto registry = [&] {
    return std::make_unique<NatsRegistry>(
        nats.loop(), nats.worker, nats.options(),
        [&missing](const std::string& why) { missing.push_back(why); });
  };
  const auto here = registry();
  nats.known = {1};
  const auto there = registry();
  const auto sees = [&](NatsRegistry& of, std::uint64_t boot, std::size_t count) {
    return ask_until([&nats](const std::function<bool()>& done) { nats.run_until(done, 10s); }, of,
                     BootId{boot},
                     [count](const Registry::Lines& lines) { return lines.size() == count; })
        .has_value();
  };
  EXPECT_TRUE(sees(*here, 1, 1));
  EXPECT_TRUE(sees(*there, 2, 2));
  EXPECT_TRUE(missing.empty()) << missing[0];
  const std::string told = nats.servers[2]->ask(
      "SUB told 1\r\nPUB $JS.API.STREAM.INFO.KV_millrace_nodes told 0\r\n\r\n", "\"state\"");
  EXPECT_NE(told.find("\"num_replicas\":3"), std::string::npos) << told;
}

// Asks until it is answered; what it was in the end.
StoreAnswer read_of(NatsCluster& nats, Store& store, base::Duration limit) {
  const base::TimePoint deadline = nats.loop().clock().now() + limit;
  for (;;) {
    std::optional<StoreAnswer> answer;
    store.read({Space::kState, "a"}, [&](StoreAnswer got) { answer = std::move(got); });
    nats.run_until([&] { return answer.has_value(); }, 5s);
    const bool is_over = nats.loop().clock().now() >= deadline;
    if (is_over || answer->kind == StoreAnswer::Kind::kDone) return *answer;
    nats.run_until([] { return false; }, 20ms);
  }
}

TEST(NatsClusterTest, RecordsHaveThreeCopiesAndOutliveAServer) {
  NatsCluster nats;
  std::vector<std::unique_ptr<nats::KvLink>> links;
  std::vector<std::unique_ptr<Store>> stores;
  nats.known = {0, 1, 2};
  for (int i = 0; i < 2; ++i) {
    links.push_back(std::make_unique<nats::KvLink>(nats.loop(), nats.options(), StoreTimes(),
                                                   [](const std::string&) {}));
    stores.push_back(std::make_unique<nats::NatsStore>(nats.loop(), *links.back()));
    stores.back()->start();
  }
  const StoreAnswer before = read_of(nats, *stores[0], 60s);
  ASSERT_EQ(before.kind, StoreAnswer::Kind::kDone) << stores[0]->problem();
  const std::string told = nats.servers[2]->ask(
      "SUB told 1\r\nPUB $JS.API.STREAM.INFO.KV_millrace_state told 0\r\n\r\n", "\"state\"");
  EXPECT_NE(told.find("\"num_replicas\":3"), std::string::npos) << told;
  std::optional<StoreAnswer> written;
  stores[0]->write({Space::kState, "a"}, "kept", before.revision,
                   [&](StoreAnswer got) { written = std::move(got); });
  ASSERT_TRUE(nats.run_until([&] { return written.has_value(); }, 5s));
  ASSERT_EQ(written->kind, StoreAnswer::Kind::kDone);
  EXPECT_EQ(read_of(nats, *stores[1], 20s).life, before.life);

  nats.servers[0]->kill();
  for (const auto& store : stores) {
    const StoreAnswer after = read_of(nats, *store, 30s);
    EXPECT_EQ(after.value, "kept") << store->problem();
    EXPECT_EQ(after.life, before.life);
  }
  stores.clear();
}

}  // namespace
}  // namespace mr::cluster::test
