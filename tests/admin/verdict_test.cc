#include "api/admin/verdict.h"

#include <gtest/gtest.h>

namespace mr::api {
namespace {

using observability::NodeState;
using std::chrono::seconds;

constexpr base::Duration kLimit = seconds(10);

TEST(VerdictTest, EachState) {
  const auto starting = judge({NodeState::kStarting, "", false, true, {}, {}}, kLimit);
  EXPECT_TRUE(starting.is_live);
  EXPECT_FALSE(starting.has_started);
  EXPECT_FALSE(starting.is_ready);
  const auto ready = judge({NodeState::kReady, "", false, true, {}, {}}, kLimit);
  EXPECT_TRUE(ready.is_live && ready.has_started && ready.is_ready);
  EXPECT_FALSE(ready.is_degraded);
  const auto degraded = judge({NodeState::kDegraded, "broker gone", false, true, {}, {}}, kLimit);
  EXPECT_TRUE(degraded.is_live && degraded.is_ready && degraded.is_degraded);
  const auto draining = judge({NodeState::kDraining, "", false, true, {}, {}}, kLimit);
  EXPECT_TRUE(draining.is_live && draining.has_started);
  EXPECT_FALSE(draining.is_ready);
}

TEST(VerdictTest, OnlyALoopPastTheLimitIsStuck) {
  EXPECT_TRUE(
      judge({NodeState::kReady, "", false, true, {}, {seconds(10), seconds(0)}}, kLimit).is_live);
  const auto stuck = judge(
      {NodeState::kReady, "", false, true, {}, {seconds(0), seconds(11), seconds(60)}}, kLimit);
  EXPECT_FALSE(stuck.is_live);
  EXPECT_FALSE(stuck.is_ready);
  EXPECT_EQ(stuck.stuck_loops, (std::vector<std::size_t>{1, 2}));
  EXPECT_EQ(to_json(stuck), R"({"status":"stuck","stuck_loops":[1,2]})");
}

TEST(VerdictTest, TheReasonIsToldOnlyOfADegradedNode) {
  EXPECT_EQ(to_json(judge({NodeState::kDegraded, "redis \"a\" gone", false, true, {}, {}}, kLimit)),
            R"({"status":"degraded","reason":"redis \"a\" gone"})");
  EXPECT_EQ(to_json(judge({NodeState::kReady, "old", false, true, {}, {}}, kLimit)),
            R"({"status":"ready"})");
}

TEST(VerdictTest, AProbeIsToldWhoAnswersAndHowItsBrokerIs) {
  observability::NodeHealth health{NodeState::kReady,        "", false, true,
                                   std::chrono::seconds(61), {}};
  EXPECT_EQ(to_json(judge(health, kLimit), {"n1", "redis"}),
            R"({"status":"ready","node_id":"n1","uptime_seconds":61,)"
            R"("checks":{"redis":"ok","cluster_mode":true}})");
  health.is_whole = false;
  health.state = NodeState::kDegraded;
  health.reason = "gone";
  EXPECT_EQ(to_json(judge(health, kLimit), {"n1", "nats"}),
            R"({"status":"degraded","reason":"gone","node_id":"n1","uptime_seconds":61,)"
            R"("checks":{"nats":"away","cluster_mode":true}})");
  EXPECT_NE(to_json(judge({}, kLimit), {"n1", ""}).find(R"("checks":{"cluster_mode":false})"),
            std::string::npos);
}

}  // namespace
}  // namespace mr::api
