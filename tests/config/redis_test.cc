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
  for (const char* bad : {"http://s", "u:hunter2@s", "s/1", "s:0", "s:hunter2", "a b"}) {
    const std::string errors =
        joined(load_set({"adapter.driver=redis"}, {{"DATABASE_REDIS_SENTINELS", bad}}).errors);
    EXPECT_NE(errors.find("\"database.redis.sentinels\": each of them is host:port"),
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

bool is_cluster(const LoadOutcome& outcome) {
  return outcome.settings.broker.driver == BrokerDriver::kRedisCluster;
}

TEST(RedisConfigTest, EverySpellingOfARedisClusterNamesItsServers) {
  const std::string apps(kApp);
  const LoadOutcome outcomes[] = {
      load_set({}, {{"ADAPTER_DRIVER", "redis-cluster"}, {"REDIS_CLUSTER_NODES", "a:1,b"}}),
      load_text("adapter: {driver: redis-cluster, cluster: {nodes: [\"a:1\", b]}}\n" + apps),
      load_text("adapter: {driver: redis-cluster}\ndatabase: {redis: {cluster: {nodes: "
                "[\"redis://a:1\", \"b:6379\"], password: p}}}\n" +
                apps),
      load_text("adapter: {driver: redis, cluster: {nodes: [\"a:1\", b]}}\n"
                "redis: {cluster_mode: true}\n" +
                apps)};
  for (const LoadOutcome& outcome : outcomes) {
    EXPECT_EQ(joined(outcome.errors) + joined(outcome.warnings), "");
    EXPECT_TRUE(is_cluster(outcome));
    const auto& nodes = outcome.settings.broker.redis.cluster_nodes;
    ASSERT_EQ(nodes.size(), 2U);
    EXPECT_EQ(nodes[0].host + std::to_string(nodes[0].port), "a1");
    EXPECT_EQ(nodes[1].host + std::to_string(nodes[1].port), "b6379");
  }
  EXPECT_EQ(outcomes[2].settings.broker.redis.password, "p");
}

TEST(RedisConfigTest, AUrlAndTheModeAreAClusterToo) {
  const LoadOutcome outcome =
      load_set({"redis.cluster_mode=true", "cluster.partitions=64"}, {{"REDIS_URL", "r:7"}});
  EXPECT_EQ(joined(outcome.errors) + joined(outcome.warnings), "");
  EXPECT_TRUE(is_cluster(outcome));
  ASSERT_EQ(outcome.settings.broker.redis.cluster_nodes.size(), 1U);
  EXPECT_EQ(outcome.settings.broker.redis.cluster_nodes[0].port, 7);
  EXPECT_EQ(outcome.settings.broker.redis.partitions, 64U);
}

TEST(RedisConfigTest, ContradictionsOfAClusterNameBothKeys) {
  const auto errors = [](std::vector<std::string> values) {
    return joined(load_set(std::move(values)).errors);
  };
  for (const char* driver : {"local", "nats"}) {
    EXPECT_EQ(errors({std::string("adapter.driver=") + driver, "redis.cluster_mode=true"}),
              std::string("--set redis.cluster_mode: \"redis.cluster_mode\" selects redis-cluster, "
                          "against \"adapter.driver\", which is \"") +
                  driver + "\" (--set adapter.driver); remove one of the two\n");
  }
  const std::string cluster = "adapter.driver=redis-cluster";
  const std::pair<const char*, const char*> cases[] = {
      {"redis.cluster_mode=false", "\"redis.cluster_mode\" is false, against \"adapter.driver\""},
      {"database.redis.db=1", "\"database.redis.db\" must be 0 with \"adapter.driver\""},
      {"database.redis.sentinels=[s]", "are none of a Redis Cluster, against \"adapter.driver\""},
      {"redis.key_prefix={a}", "\"redis.key_prefix\" must be without braces"},
      {"adapter.cluster.nodes=[\"a:x\"]", "each of them is host:port"},
  };
  for (const auto& [value, problem] : cases) {
    EXPECT_NE(errors({cluster, value}).find(problem), std::string::npos)
        << errors({cluster, value});
  }
  EXPECT_EQ(joined(load_set({"adapter.cluster.nodes=[a]"}).warnings),
            "--set adapter.cluster.nodes: \"adapter.cluster.nodes\" has no effect on its own; set "
            "\"adapter.driver\" to redis-cluster\n");
}

}  // namespace
}  // namespace mr::config
