#include <gtest/gtest.h>

#include "config/loading.h"

namespace mr::config {
namespace {

using cluster::redis::SentinelOptions;

TEST(RedisConfigTest, SentinelsSayWhereThePrimaryIs) {
  const LoadOutcome outcome = load_text(R"(
adapter: {driver: redis}
database:
  redis:
    sentinels: [s1, "10.0.0.2:26380", "[::1]:7"]
    name: main
    sentinel_username: watcher
    sentinel_password: hunter2
    password: hunter3
    db: 2
)" + std::string(kApp));
  EXPECT_EQ(joined(outcome.errors) + joined(outcome.warnings), "");
  const cluster::redis::RedisOptions& redis = outcome.settings.broker.redis;
  const SentinelOptions& sentinel = redis.sentinel;
  ASSERT_EQ(sentinel.servers.size(), 3U);
  const std::pair<const char*, int> expected[] = {{"s1", 26379}, {"10.0.0.2", 26380}, {"::1", 7}};
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(sentinel.servers[i].host, expected[i].first);
    EXPECT_EQ(sentinel.servers[i].port, expected[i].second);
  }
  EXPECT_EQ(sentinel.primary, "main");
  EXPECT_EQ(sentinel.username, "watcher");
  EXPECT_EQ(sentinel.password, "hunter2");
  EXPECT_EQ(redis.password, "hunter3");
  const LoadOutcome of_environment =
      load_set({"adapter.driver=redis"}, {{"DATABASE_REDIS_SENTINELS", "a:1,b"}});
  EXPECT_EQ(joined(of_environment.errors), "");
  EXPECT_EQ(of_environment.settings.broker.redis.sentinel.servers.size(), 2U);
  EXPECT_EQ(of_environment.settings.broker.redis.sentinel.primary, "mymaster");
}

TEST(RedisConfigTest, SentinelsAgainstAnAddressNameBoth) {
  for (const char* other : {"redis.url=r", "database.redis.host=r", "database.redis.port=1"}) {
    const LoadOutcome outcome =
        load_set({"adapter.driver=redis", "database.redis.sentinels=[s]", other});
    const std::string key = std::string(other).substr(0, std::string(other).find('='));
    EXPECT_TRUE(joined(outcome.errors)
                    .starts_with("--set database.redis.sentinels: \"database.redis.sentinels\" say "
                                 "where Redis is, and so does \"" +
                                 key + "\""))
        << joined(outcome.errors);
    EXPECT_EQ(outcome.errors.size(), 1U);
  }
}

TEST(RedisConfigTest, WhatIsNoSentinelIsRefusedWithoutItsLogin) {
  for (const char* bad : {"redis://s", "u:hunter2@s", "s/1", "s:0", "s:hunter2", "a b"}) {
    const std::string errors =
        joined(load_set({"adapter.driver=redis"}, {{"DATABASE_REDIS_SENTINELS", bad}}).errors);
    EXPECT_NE(errors.find("\"database.redis.sentinels\": each sentinel is host:port"),
              std::string::npos)
        << bad << errors;
    EXPECT_EQ(errors.find("hunter2"), std::string::npos) << errors;
  }
  EXPECT_EQ(joined(load_set({"adapter.driver=redis", "database.redis.sentinels=[s]",
                             "database.redis.sentinel_username=u"})
                       .errors),
            "--set database.redis.sentinel_username: \"database.redis.sentinel_username\" is "
            "without effect while \"database.redis.sentinel_password\" is empty; set both or "
            "none\n");
}

TEST(RedisConfigTest, KeysOfSentinelsWithoutAnyAreAWarning) {
  EXPECT_EQ(joined(load_set({"adapter.driver=redis", "database.redis.name=main"}).warnings),
            "--set database.redis.name: \"database.redis.name\" has no effect without "
            "\"database.redis.sentinels\"\n");
  EXPECT_EQ(joined(load_set({"database.redis.sentinels=[s]"}).warnings),
            "--set database.redis.sentinels: \"database.redis.sentinels\" has no effect on its "
            "own; set \"adapter.driver\" to redis, or \"redis.url\"\n");
}

}  // namespace
}  // namespace mr::config
