#include "app/findings.h"

#include <gtest/gtest.h>

#include "json/parser.h"

namespace mr::app {
namespace {

using Level = Finding::Level;

std::string info(const std::string& version, const std::string& policy, int maxmemory) {
  return "# Server\r\nredis_version:" + version +
         "\r\n# Memory\r\nmaxmemory:" + std::to_string(maxmemory) +
         "\r\nmaxmemory_policy:" + policy + "\r\nrole:master\r\n";
}

Level level_of(const Findings& findings, const std::string& check) {
  for (const Finding& finding : findings) {
    if (finding.check == check) return finding.level;
  }
  ADD_FAILURE() << "nothing about " << check;
  return Level::kGood;
}

TEST(FindingsTest, ARedisThatMayDropRecordsIsAnError) {
  EXPECT_EQ(level_of(judge_redis(info("7.0.15", "noeviction", 1)), "memory"), Level::kGood);
  EXPECT_EQ(level_of(judge_redis(info("7.0.15", "allkeys-lru", 0)), "memory"), Level::kWarning);
  const Findings lru = judge_redis(info("7.0.15", "allkeys-lru", 1 << 20));
  EXPECT_EQ(level_of(lru, "memory"), Level::kError);
  EXPECT_NE(to_text(lru).find("CONFIG SET maxmemory-policy noeviction"), std::string::npos);
  EXPECT_EQ(exit_code_of(lru), 1);
}

TEST(FindingsTest, OldVersionsAndReplicasAreTold) {
  EXPECT_EQ(level_of(judge_redis(info("5.0.3", "noeviction", 0)), "version"), Level::kWarning);
  EXPECT_EQ(level_of(judge_redis(info("7.0.15", "noeviction", 0)), "version"), Level::kGood);
  EXPECT_EQ(level_of(judge_redis("\nrole:slave\r\n"), "role"), Level::kError);
}

TEST(FindingsTest, ClocksApartAreAWarningThenAnError) {
  EXPECT_EQ(judge_clock(-999).level, Level::kGood);
  EXPECT_EQ(judge_clock(-1000).level, Level::kWarning);
  EXPECT_NE(judge_clock(-1000).text.find("1000 ms behind"), std::string::npos);
  EXPECT_EQ(judge_clock(60'000).level, Level::kError);
  EXPECT_NE(judge_clock(60'000).text.find("ahead of"), std::string::npos);
}

TEST(FindingsTest, ANatsWithoutJetStreamOrWithSmallMessagesIsTold) {
  const Findings good =
      judge_nats(R"(INFO {"version":"2.9.10","jetstream":true,"max_payload":1048576})");
  EXPECT_EQ(level_of(good, "jetstream"), Level::kGood);
  EXPECT_EQ(level_of(good, "version"), Level::kGood);
  const Findings poor = judge_nats(R"(INFO {"version":"2.9.10","max_payload":65536})");
  EXPECT_EQ(level_of(poor, "jetstream"), Level::kWarning);
  EXPECT_EQ(level_of(poor, "payload"), Level::kWarning);
  EXPECT_EQ(exit_code_of(poor), 0);
  for (const char* line : {"", "SSH-2.0", "INFO {", "INFO []"}) judge_nats(line);
  EXPECT_EQ(judge_nats("SSH-2.0").front().level, Level::kError);
}

TEST(FindingsTest, DescriptorsAreMeasuredByTheConnectionsThatAreWanted) {
  EXPECT_EQ(judge_descriptors(1'048'576, 0).level, Level::kGood);
  EXPECT_EQ(judge_descriptors(1024, 0).level, Level::kWarning);
  EXPECT_EQ(judge_descriptors(100'000, 100'000).level, Level::kError);
}

TEST(FindingsTest, TheyAreJsonToo) {
  const Findings findings = {{Level::kWarning, "a", "b \"c\"", "d"}, {Level::kGood, "e", "f", {}}};
  const auto json = to_json(findings);
  json::Parser parser(1 << 16);
  const auto read = parser.parse(json);
  ASSERT_TRUE(read) << json;
  EXPECT_EQ(read.value().raw().substr(0, 40), R"([{"level":"warning","check":"a","text":")");
  EXPECT_EQ(to_text(findings), "warning  a: b \"c\"\n         d\nok       e: f\n");
}

}  // namespace
}  // namespace mr::app
