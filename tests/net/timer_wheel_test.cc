#include "net/timer_wheel.h"

#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "base/random.h"

namespace mr::net {
namespace {

TEST(TimerWheelTest, FiresAtItsTickAndOnce) {
  TimerWheel wheel(8, 100);
  std::vector<std::uint32_t> fired;
  const auto note = [&](std::uint32_t index) { fired.push_back(index); };
  wheel.schedule(3, 2);
  wheel.schedule(4, 20);  // more than two turns
  wheel.advance(101, note);
  EXPECT_TRUE(fired.empty());
  wheel.advance(102, note);
  EXPECT_EQ(fired, std::vector<std::uint32_t>{3});
  wheel.advance(119, note);
  EXPECT_EQ(fired.size(), 1U);
  wheel.advance(200, note);
  EXPECT_EQ(fired, (std::vector<std::uint32_t>{3, 4}));
  EXPECT_EQ(wheel.size(), 0U);
}

TEST(TimerWheelTest, CallbacksMayScheduleAndCancelAnything) {
  TimerWheel wheel(4);
  for (std::uint32_t i = 0; i < 4; ++i) wheel.schedule(i, 1);
  std::vector<std::uint32_t> fired;
  wheel.advance(1, [&](std::uint32_t index) {
    fired.push_back(index);
    for (std::uint32_t i = 0; i < 4; ++i) wheel.cancel(i);
    wheel.schedule(index, 4);  // the same slot again
  });
  EXPECT_EQ(fired.size(), 1U);
  EXPECT_EQ(wheel.size(), 1U);
  EXPECT_TRUE(wheel.is_scheduled(fired[0]));
}

TEST(TimerWheelTest, AgreesWithATable) {
  const std::uint64_t seed = base::SystemRandom().next();
  SCOPED_TRACE("seed " + std::to_string(seed));
  base::SeededRandom random(seed);
  TimerWheel wheel(16);
  std::map<std::uint32_t, std::uint32_t> deadlines;
  std::uint32_t now = 0;
  for (int step = 0; step < 20'000; ++step) {
    const auto index = static_cast<std::uint32_t>(random.below(64));
    const auto action = random.below(8);
    if (action < 4) {
      const auto seconds = static_cast<std::uint32_t>(random.below(50));
      wheel.schedule(index, seconds);
      deadlines[index] = now + std::max(seconds, 1U);
    } else if (action < 6) {
      EXPECT_EQ(wheel.cancel(index), deadlines.erase(index) == 1);
    } else {
      now += static_cast<std::uint32_t>(random.below(random.below(10) == 0 ? 60 : 3));
      wheel.advance(now, [&](std::uint32_t due) {
        ASSERT_TRUE(deadlines.contains(due));
        EXPECT_LE(deadlines[due], now);
        deadlines.erase(due);
      });
      for (const auto& [left, deadline] : deadlines) ASSERT_GT(deadline, now) << left;
    }
    ASSERT_EQ(wheel.size(), deadlines.size());
  }
}

}  // namespace
}  // namespace mr::net
