#include "cluster/broadcasts.h"

#include <gtest/gtest.h>

namespace mr::cluster {
namespace {

constexpr BootId kOther{7};

BroadcastMessage of_bytes(std::size_t bytes) {
  BroadcastMessage message;
  message.data.assign(bytes, 'x');
  return message;
}

TEST(BroadcastsTest, TheyAreNumberedBeforeTheQueueDropsTheOldest) {
  Broadcasts broadcasts(4096);
  for (int i = 0; i < 5; ++i) broadcasts.enqueue(of_bytes(1500));
  EXPECT_EQ(broadcasts.next()->number, 4U);
  EXPECT_EQ(broadcasts.next()->number, 5U);
  EXPECT_FALSE(broadcasts.next());
  EXPECT_EQ(broadcasts.counters().dropped, 3U);
  EXPECT_EQ(broadcasts.counters().sent, 2U);
}

TEST(BroadcastsTest, OneThatIsLargerThanTheQueueIsSent) {
  Broadcasts broadcasts(100);
  broadcasts.enqueue(of_bytes(1000));
  EXPECT_EQ(broadcasts.next()->number, 1U);
}

TEST(BroadcastsTest, OthersAreTakenOnceAndWhatIsMissingIsCounted) {
  Broadcasts broadcasts(4096);
  EXPECT_TRUE(broadcasts.hear(kOther, 3));
  EXPECT_FALSE(broadcasts.hear(kOther, 3));
  EXPECT_TRUE(broadcasts.hear(kOther, 6));
  EXPECT_FALSE(broadcasts.hear(kOther, 5)) << "counted as missed";
  EXPECT_EQ(broadcasts.counters().missed, 2U);
  EXPECT_EQ(broadcasts.counters().heard, 2U);
  broadcasts.forget(kOther);
  EXPECT_TRUE(broadcasts.hear(kOther, 1));
}

}  // namespace
}  // namespace mr::cluster
