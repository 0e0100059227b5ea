#include "cluster/nats/nats_registry.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "ask_registry.h"
#include "epoll_driver.h"
#include "net/worker_thread.h"
#include "support/nats_server.h"

namespace mr::cluster::nats {
namespace {

using namespace std::chrono_literals;
using mr::test::NatsServer;

struct Stage {
  explicit Stage(NatsServer::Options options = {}) : server(std::move(options)) {
    server.start();
    worker.start();
  }
  ~Stage() { worker.stop(); }

  std::unique_ptr<NatsRegistry> registry(std::string prefix = "millrace") {
    NatsOptions with;
    with.servers = {server.address()};
    with.prefix = std::move(prefix);
    with.username = username;
    with.password = username.empty() ? "" : "hunter22";
    return std::make_unique<NatsRegistry>(
        driver.loop(), worker, with, [this](const std::string& why) { missing.push_back(why); });
  }
  // Asks until it is answered, as a node does; nothing when it stays unanswered.
  std::optional<Registry::Lines> beat(NatsRegistry& registry, std::uint64_t boot) {
    return cluster::test::ask_until(
        [this](const std::function<bool()>& done) { driver.run_until(done, 10s); }, registry,
        BootId{boot}, [](const Registry::Lines&) { return true; });
  }

  NatsServer server;
  cluster::test::EpollDriver driver;
  net::WorkerThread worker;
  std::string username;
  std::vector<std::string> missing;  // as it was told
};

const Registry::Lines kFirst = {BootId{1}};
const Registry::Lines kBoth = {BootId{1}, BootId{2}};

TEST(NatsRegistryTest, NodesSeeEachOthersLinesUntilTheyLeave) {
  Stage stage;
  const auto first = stage.registry(), second = stage.registry();
  EXPECT_EQ(stage.beat(*first, 1), kFirst);
  EXPECT_EQ(stage.beat(*second, 2), kBoth);
  EXPECT_EQ(stage.beat(*first, 1), kBoth);
  second->leave(BootId{2});
  // The worker does what it is asked for in order.
  EXPECT_EQ(stage.beat(*first, 1), kFirst);
  EXPECT_TRUE(stage.missing.empty()) << stage.missing[0];
}

TEST(NatsRegistryTest, TheBucketDropsLinesAfterFifteenSeconds) {
  Stage stage;
  const auto own = stage.registry();
  ASSERT_TRUE(stage.beat(*own, 1));
  const std::string told = stage.server.ask(
      "SUB told 1\r\nPUB $JS.API.STREAM.INFO.KV_millrace_nodes told 0\r\n\r\n", "\"state\"");
  EXPECT_NE(told.find("\"max_age\":15000000000"), std::string::npos) << told;
  EXPECT_NE(told.find("\"storage\":\"memory\""), std::string::npos) << told;
}

TEST(NatsRegistryTest, PrefixesAreApart) {
  Stage stage;
  const auto own = stage.registry(), other = stage.registry("other:a.b");
  EXPECT_EQ(stage.beat(*own, 1), kFirst);
  EXPECT_EQ(stage.beat(*other, 2), (Registry::Lines{BootId{2}}));
  EXPECT_EQ(NatsRegistry::bucket_of("millrace"), "millrace_nodes");
  EXPECT_EQ(NatsRegistry::bucket_of("other:a.b"), "other-3Aa-2Eb_nodes");
  EXPECT_EQ(NatsRegistry::bucket_of("a-3A"), "a-2D3A_nodes");
}

TEST(NatsRegistryTest, ItComesBackAfterARestartOfTheServer) {
  Stage stage;
  const auto own = stage.registry();
  EXPECT_TRUE(stage.beat(*own, 1));
  stage.server.stop();
  bool is_told = false;
  ASSERT_TRUE(stage.driver.run_until(
      [&] {
        if (!is_told) {
          own->beat(BootId{1}, "a",
                    [&](const Registry::Lines* lines) { is_told = is_told || lines == nullptr; });
        }
        return is_told;
      },
      5s));
  ASSERT_TRUE(stage.server.start());
  EXPECT_EQ(stage.beat(*own, 1), kFirst);
  EXPECT_TRUE(stage.missing.empty()) << stage.missing[0];
}

TEST(NatsRegistryTest, WithoutJetStreamItKnowsItselfAndSaysOnceWhatIsMissing) {
  Stage stage({.has_jetstream = false});
  const auto first = stage.registry(), second = stage.registry();
  EXPECT_EQ(stage.beat(*first, 1), kFirst);
  EXPECT_EQ(stage.beat(*second, 2), (Registry::Lines{BootId{2}}));
  EXPECT_EQ(stage.beat(*first, 1), kFirst);
  ASSERT_EQ(stage.missing.size(), 2U) << "each node says it once";
  for (const char* part : {"127.0.0.1:", "JetStream", "millrace_nodes", "-js", "heartbeats"}) {
    EXPECT_NE(stage.missing[0].find(part), std::string::npos) << stage.missing[0];
  }
}

TEST(NatsRegistryTest, AUserWithoutRightsToTheStoreIsAsWithoutOne) {
  Stage stage({.config = R"(authorization { users: [ { user: mr, password: hunter22, permissions: {
      publish: "millrace.bus.>", subscribe: ["millrace.bus.>", "_INBOX.>"] } } ] })"});
  stage.username = "mr";
  const auto own = stage.registry();
  EXPECT_EQ(stage.beat(*own, 1), kFirst);
  ASSERT_EQ(stage.missing.size(), 1U);
  EXPECT_EQ(stage.missing[0].find("hunter22"), std::string::npos);
}

TEST(NatsRegistryTest, AServerThatHangsIsNoAnswer) {
  Stage stage;
  const auto own = stage.registry();
  ASSERT_TRUE(stage.beat(*own, 1));
  stage.server.pause();
  std::optional<bool> is_answered;
  own->beat(BootId{1}, "a", [&](const Registry::Lines* lines) { is_answered = lines != nullptr; });
  ASSERT_TRUE(stage.driver.run_until([&] { return is_answered.has_value(); }, 8s));
  EXPECT_FALSE(*is_answered);
  stage.server.resume();
  EXPECT_EQ(stage.beat(*own, 1), kFirst);
  EXPECT_TRUE(stage.missing.empty()) << stage.missing[0];
}

}  // namespace
}  // namespace mr::cluster::nats
