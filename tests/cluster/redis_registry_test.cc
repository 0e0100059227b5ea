#include "cluster/redis/redis_registry.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "ask_registry.h"
#include "cluster/redis/error_text.h"
#include "cluster/redis/store_server.h"
#include "epoll_driver.h"
#include "net/worker_thread.h"
#include "support/redis_server.h"

namespace mr::cluster::redis {
namespace {

using namespace std::chrono_literals;

class RedisRegistryTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(server_.start()); }
  std::unique_ptr<RedisRegistry> registry(std::string prefix = "millrace", std::uint32_t db = 0) {
    RedisOptions options;
    options.prefix = std::move(prefix);
    options.db = db;
    return registry(options);
  }
  std::unique_ptr<RedisRegistry> registry(RedisOptions options) {
    options.host = server_.address().host;
    options.port = server_.port();
    return std::make_unique<RedisRegistry>(
        options, std::make_unique<StoreServer>(driver_.loop(), resolver_, options,
                                               [](const std::string&) {}));
  }
  // Asks until it is answered, as a node does; nothing when it stays unanswered.
  std::optional<Registry::Lines> beat(RedisRegistry& registry, std::uint64_t boot) {
    return cluster::test::ask_until(
        [this](const std::function<bool()>& done) { driver_.run_until(done, 5s); }, registry,
        BootId{boot}, [](const Registry::Lines&) { return true; });
  }

  mr::test::RedisServer server_;
  cluster::test::EpollDriver driver_;
  net::WorkerThread worker_;
  net::Resolver resolver_{worker_};
};

TEST_F(RedisRegistryTest, NodesSeeEachOthersLinesUntilTheyLeave) {
  const auto first = registry(), second = registry();
  EXPECT_EQ(beat(*first, 1), (Registry::Lines{BootId{1}}));
  EXPECT_EQ(beat(*second, 2), (Registry::Lines{BootId{1}, BootId{2}}));
  EXPECT_EQ(beat(*first, 1), (Registry::Lines{BootId{1}, BootId{2}}));
  second->leave(BootId{2});
  ASSERT_TRUE(driver_.run_until(
      [&] { return server_.ask("HLEN millrace:nodes").starts_with(":1\r\n"); }, 5s));
  EXPECT_EQ(beat(*first, 1), (Registry::Lines{BootId{1}}));
}

TEST_F(RedisRegistryTest, LinesOfTheCrashedRunOutByTheServersClock) {
  const auto own = registry();
  server_.ask("HSET millrace:nodes 7 \"1000 old\"");
  server_.ask("HSET millrace:nodes 8 \"not a line\"");
  EXPECT_EQ(beat(*own, 1), (Registry::Lines{BootId{1}}));
  EXPECT_EQ(server_.ask("HLEN millrace:nodes").substr(0, 2), ":1") << "they are gone, not hidden";
}

TEST_F(RedisRegistryTest, PrefixesAndDatabasesAreApart) {
  const auto own = registry(), other = registry("other"), elsewhere = registry("millrace", 3);
  EXPECT_EQ(beat(*own, 1), (Registry::Lines{BootId{1}}));
  EXPECT_EQ(beat(*other, 2), (Registry::Lines{BootId{2}}));
  EXPECT_EQ(beat(*elsewhere, 3), (Registry::Lines{BootId{3}}));
}

TEST_F(RedisRegistryTest, AUserWithoutTheRightIsToldWhatItLacks) {
  server_.ask("ACL SETUSER default -eval");
  const auto own = registry();
  ASSERT_TRUE(driver_.run_until(
      [&] {
        own->beat(BootId{1}, "a", [](const Registry::Lines*) {});
        return own->problem().find("EVAL") != std::string::npos;
      },
      5s))
      << own->problem();
  server_.ask("ACL SETUSER default +eval");
  EXPECT_TRUE(beat(*own, 1));
  EXPECT_EQ(own->problem(), "");
}

TEST_F(RedisRegistryTest, TheAclLineIsEnough) {
  RedisOptions options;
  options.username = "millrace";
  options.password = "hunter22";
  std::string line = acl_line(options);
  line.replace(line.find("PASSWORD"), sizeof "PASSWORD" - 1, options.password);
  ASSERT_TRUE(server_.ask(line).starts_with("+OK"));
  const auto own = registry(options);
  EXPECT_EQ(beat(*own, 1), (Registry::Lines{BootId{1}})) << own->problem();
  own->leave(BootId{1});
  EXPECT_TRUE(driver_.run_until(
      [&] { return server_.ask("HLEN millrace:nodes").starts_with(":0\r\n"); }, 5s));
}

TEST_F(RedisRegistryTest, ItComesBackAfterARestartOfTheServer) {
  const auto own = registry();
  EXPECT_TRUE(beat(*own, 1));
  server_.stop();
  bool is_told = false;
  ASSERT_TRUE(driver_.run_until(
      [&] {
        if (!is_told) {
          own->beat(BootId{1}, "a",
                    [&](const Registry::Lines* lines) { is_told = is_told || lines == nullptr; });
        }
        return is_told;
      },
      5s));
  ASSERT_TRUE(server_.start());
  EXPECT_EQ(beat(*own, 1), (Registry::Lines{BootId{1}}));
}

}  // namespace
}  // namespace mr::cluster::redis
