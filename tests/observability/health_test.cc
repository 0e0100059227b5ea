#include "observability/health.h"

#include <gtest/gtest.h>

#include "log_recording.h"

namespace mr::observability {
namespace {

TEST(PulseTest, AgesGrowUntilTheBeat) {
  test::HandClock clock;
  Pulse pulse(clock, 2);
  clock.advance(std::chrono::seconds(3));
  pulse.beat(1);
  clock.advance(std::chrono::seconds(1));
  const NodeHealth health = pulse.health();
  ASSERT_EQ(health.loop_ages.size(), 2U);
  EXPECT_EQ(health.loop_ages[0], std::chrono::seconds(4));
  EXPECT_EQ(health.loop_ages[1], std::chrono::seconds(1));
}

TEST(PulseTest, StartsAsStarting) {
  const test::HandClock clock;
  Pulse pulse(clock, 1);
  EXPECT_EQ(pulse.health().state, NodeState::kStarting);
  pulse.set_state(NodeState::kDraining);
  EXPECT_EQ(pulse.health().state, NodeState::kDraining);
  EXPECT_EQ(to_text(pulse.state()), "draining");
}

TEST(PulseDeathTest, AnUnknownLoopIsABug) {
  const test::HandClock clock;
  Pulse pulse(clock, 1);
  EXPECT_DEATH(pulse.beat(1), "does not have");
}

}  // namespace
}  // namespace mr::observability
