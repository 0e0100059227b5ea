#include "api/rates.h"

#include <gtest/gtest.h>

namespace mr::api {
namespace {

base::TimePoint at(double seconds) {
  return base::TimePoint(
      std::chrono::duration_cast<base::Duration>(std::chrono::duration<double>(seconds)));
}

TEST(RatesTest, ASecondsWorthAtOnceThenTheRate) {
  Rates rates(1, 7);
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(rates.take("a", 5, 1, at(0))) << i;
  EXPECT_EQ(rates.take("a", 5, 1, at(0)), 1U);
  EXPECT_EQ(rates.take("a", 5, 1, at(0.1)), 1U);
  EXPECT_FALSE(rates.take("a", 5, 1, at(0.2)));
  EXPECT_EQ(rates.take("a", 5, 1, at(0.2)), 1U);
  EXPECT_FALSE(rates.take("b", 5, 1, at(0.2))) << "apps have their own";
}

TEST(RatesTest, ZeroIsNoLimit) {
  Rates rates(1, 7);
  for (int i = 0; i < 1000; ++i) EXPECT_FALSE(rates.take("a", 0, 10, at(0)));
}

TEST(RatesTest, ALoopGetsItsShare) {
  Rates rates(4, 7);
  EXPECT_FALSE(rates.take("a", 8, 1, at(0)));
  EXPECT_FALSE(rates.take("a", 8, 1, at(0)));
  EXPECT_EQ(rates.take("a", 8, 1, at(0)), 1U);
  EXPECT_FALSE(rates.take("slow", 1, 1, at(0)));
  EXPECT_EQ(rates.take("slow", 1, 1, at(0)), 4U);
  EXPECT_EQ(rates.take("slow", 1, 1, at(3.9)), 1U);
  EXPECT_FALSE(rates.take("slow", 1, 1, at(4)));
}

TEST(RatesTest, MoreThanASecondsWorthIsPaidAfterwards) {
  Rates rates(1, 7);
  EXPECT_FALSE(rates.take("a", 5, 10, at(0)));
  EXPECT_EQ(rates.take("a", 5, 1, at(0)), 2U);
  EXPECT_EQ(rates.take("a", 5, 1, at(1)), 1U);
  EXPECT_FALSE(rates.take("a", 5, 1, at(1.2)));
}

TEST(RatesTest, TheTableIsBounded) {
  Rates rates(1, 7);
  for (std::size_t i = 0; i < Rates::kAppsMax + 10; ++i) {
    EXPECT_FALSE(rates.take(std::to_string(i), 1, 1, at(0)));
  }
}

}  // namespace
}  // namespace mr::api
