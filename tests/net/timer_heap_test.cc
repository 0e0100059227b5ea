#include "net/timer_heap.h"

#include <gtest/gtest.h>

#include <vector>

namespace mr::net {
namespace {

using namespace std::chrono_literals;

base::TimePoint at(base::Duration d) { return base::TimePoint(d); }

TEST(TimerHeapTest, RunsByDeadlineAndThenByOrder) {
  TimerHeap timers;
  std::vector<int> ran;
  timers.add(at(2ms), [&] { ran.push_back(3); });
  timers.add(at(1ms), [&] { ran.push_back(1); });
  timers.add(at(1ms), [&] { ran.push_back(2); });
  EXPECT_EQ(timers.next_deadline(), at(1ms));
  EXPECT_EQ(timers.run_due(at(1ms)), 2U);
  EXPECT_EQ(timers.run_due(at(5ms)), 1U);
  EXPECT_EQ(ran, (std::vector<int>{1, 2, 3}));
  EXPECT_EQ(timers.next_deadline(), std::nullopt);
}

TEST(TimerHeapTest, CancelWorksOnceAndNotOnReusedSlots) {
  TimerHeap timers;
  int ran = 0;
  const TimerId first = timers.add(at(1ms), [&] { ++ran; });
  EXPECT_TRUE(timers.cancel(first));
  EXPECT_FALSE(timers.cancel(first));
  timers.add(at(1ms), [&] { ++ran; });
  EXPECT_FALSE(timers.cancel(first));
  EXPECT_FALSE(timers.cancel(TimerId::kNone));
  timers.run_due(at(1ms));
  EXPECT_EQ(ran, 1);
}

TEST(TimerHeapTest, OneOfABatchCancelsAnother) {
  TimerHeap timers;
  bool ran = false;
  TimerId second = TimerId::kNone;
  timers.add(at(1ms), [&] { EXPECT_TRUE(timers.cancel(second)); });
  second = timers.add(at(1ms), [&] { ran = true; });
  timers.run_due(at(1ms));
  EXPECT_FALSE(ran);
}

TEST(TimerHeapTest, TimersAddedByTimersWaitForTheNextRun) {
  TimerHeap timers;
  int ran = 0;
  timers.add(at(1ms), [&] { timers.add(at(1ms), [&] { ++ran; }); });
  timers.run_due(at(1ms));
  EXPECT_EQ(ran, 0);
  timers.run_due(at(1ms));
  EXPECT_EQ(ran, 1);
}

TEST(TimerHeapTest, CancelledTimersDoNotPileUp) {
  TimerHeap timers;
  timers.add(at(1h), [] {});
  for (int i = 0; i < 100'000; ++i) timers.cancel(timers.add(at(1h), [] {}));
  EXPECT_EQ(timers.size(), 1U);
  EXPECT_LE(timers.entries(), 66U);
}

}  // namespace
}  // namespace mr::net
