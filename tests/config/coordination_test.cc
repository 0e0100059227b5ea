#include <gtest/gtest.h>

#include "config/coordination_rules.h"
#include "config/loading.h"

namespace mr::config {
namespace {

std::string with(const std::string& delta, const std::string& rest) {
  return "{\"delta_compression\": " + delta + ", " + rest +
         ", \"apps\": [{\"id\": \"a\", \"key\": \"k\", \"secret\": \"s\"}]}";
}

constexpr const char* kOn = R"({"enabled": true, "full_message_interval": 10,
  "cluster_coordination": true})";
constexpr const char* kRedis = R"("adapter": {"driver": "redis"},
  "database": {"redis": {"host": "127.0.0.1", "port": 6379}})";
constexpr const char* kKeyed =
    R"("channel_delta_compression": {"ticker:*": {"enabled": true, "conflation_key": "symbol"}})";

TEST(CoordinationConfigTest, TheDocumentsExampleIsTaken) {
  const LoadOutcome outcome = load_text(with(kOn, std::string(kRedis) + "," + kKeyed));
  EXPECT_EQ(joined(outcome.errors), "");
  EXPECT_EQ(joined(outcome.warnings), "");
  EXPECT_TRUE(outcome.settings.delta.delta.cluster_coordination);
  EXPECT_EQ(outcome.settings.delta.delta.coordination_timeout, std::chrono::milliseconds(50));
  EXPECT_TRUE(uncoordinated_channels(outcome.settings).empty());
}

TEST(CoordinationConfigTest, ANodeAloneIsRefusedWithReasonAndRemedy) {
  const LoadOutcome outcome = load_text(with(kOn, kKeyed));
  EXPECT_NE(joined(outcome.errors)
                .find("\"adapter.driver\" is local (default); set "
                      "\"adapter.driver\" to redis, redis-cluster or nats"),
            std::string::npos)
      << joined(outcome.errors);
}

TEST(CoordinationConfigTest, WithoutAConflationKeyAnywhereItIsRefused) {
  for (const char* channels : {"", R"(, "channel_delta_compression": {"a*": "fossil"})",
                               R"(, "channel_delta_compression":
                                  {"a*": {"enabled": false, "conflation_key": "s"}})"}) {
    const LoadOutcome outcome = load_text(with(kOn, std::string(kRedis) + channels));
    EXPECT_NE(joined(outcome.errors).find("no channel has one; set \"conflation_key\""),
              std::string::npos)
        << channels;
  }
  const char* path = R"({"cluster_coordination": true, "conflation_key_path": "symbol"})";
  EXPECT_EQ(joined(load_text(with(path, kRedis)).errors), "");
}

TEST(CoordinationConfigTest, AnAppsOwnPatternIsEnough) {
  const LoadOutcome outcome = load_text(
      R"({"delta_compression": {"cluster_coordination": true}, "adapter": {"driver": "nats"},
          "apps": [{"id": "a", "key": "k", "secret": "s",
                    "channel_delta_compression": {"ticker:*": {"conflation_key": "symbol"},
                                                  "news": {"enabled": true}}}]})");
  EXPECT_EQ(joined(outcome.errors), "");
  EXPECT_EQ(uncoordinated_channels(outcome.settings),
            (std::vector<std::string>{"app \"a\": channel_delta_compression[\"news\"] has no "
                                      "conflation_key: each node counts its full messages for "
                                      "itself"}));
}

}  // namespace
}  // namespace mr::config
