#include <gtest/gtest.h>

#include <cstdint>
#include <limits>

#include "base/rate_bucket.h"

namespace mr::base {
namespace {

TimePoint at(double seconds) {
  return TimePoint(std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds)));
}

TEST(RateBucketTest, ASecondsWorthAtOnceThenTheRate) {
  const RateBucket bucket;
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(bucket.take(5, 1, at(10))) << i;
  EXPECT_EQ(bucket.take(5, 1, at(10)), 1U);
  EXPECT_EQ(bucket.take(5, 1, at(10.1)), 1U);
  EXPECT_FALSE(bucket.take(5, 1, at(10.2)));
  EXPECT_EQ(bucket.take(5, 1, at(10.2)), 1U);
}

TEST(RateBucketTest, ARateThatDoesNotDivideASecondIsExact) {
  for (const std::uint32_t rate : {3U, 7U, 99U, 1'000U, 31'607U}) {
    const RateBucket bucket;
    std::uint32_t taken = 0;
    while (!bucket.take(rate, 1, at(10))) ++taken;
    EXPECT_EQ(taken, rate);
  }
}

TEST(RateBucketTest, ZeroIsNoLimit) {
  const RateBucket bucket;
  for (int i = 0; i < 1000; ++i) EXPECT_FALSE(bucket.take(0, 10, at(10)));
}

TEST(RateBucketTest, MoreThanASecondsWorthIsPaidAfterwards) {
  const RateBucket bucket;
  EXPECT_FALSE(bucket.take(5, 10, at(10)));
  EXPECT_EQ(bucket.take(5, 1, at(10)), 2U);
  EXPECT_EQ(bucket.take(5, 1, at(11)), 1U);
  EXPECT_FALSE(bucket.take(5, 1, at(11.2)));
}

TEST(RateBucketTest, AnyCountIsBounded) {
  const RateBucket bucket;
  EXPECT_FALSE(bucket.take(1, std::numeric_limits<std::uint64_t>::max(), at(10)));
  EXPECT_EQ(bucket.take(1, 1, at(10)), 3600U);
}

}  // namespace
}  // namespace mr::base
