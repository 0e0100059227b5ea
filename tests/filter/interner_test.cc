#include "filter/interner.h"

#include <gtest/gtest.h>

namespace mr::filter {
namespace {

class InternerTest : public testing::Test {
 protected:
  FilterRef filter(std::string_view value) {
    const std::string text = R"({"key":"a","cmp":"eq","val":")" + std::string(value) + R"("})";
    return Filter::parse(parser_, text).value();
  }
  json::Parser parser_{4096};
  Interner interner_{7};
};

TEST_F(InternerTest, EqualFiltersShareAnId) {
  const auto first = interner_.add(filter("x"));
  const auto again =
      interner_.add(Filter::parse(parser_, R"({"vals":["x"],"cmp":"in","key":"a"})").value());
  EXPECT_TRUE(first.is_new);
  EXPECT_FALSE(again.is_new);
  EXPECT_EQ(first.id, again.id);
  EXPECT_EQ(interner_.size(), 1U);
  EXPECT_FALSE(interner_.release(first.id));
  EXPECT_TRUE(interner_.release(first.id));
  EXPECT_EQ(interner_.size(), 0U);
}

TEST_F(InternerTest, TheLowestFreeIdIsGivenAgain) {
  for (const std::string_view value : {"x", "y", "z"}) interner_.add(filter(value));
  EXPECT_TRUE(interner_.release(1));
  EXPECT_TRUE(interner_.release(0));
  EXPECT_EQ(interner_.at(0), nullptr);
  EXPECT_EQ(interner_.bound(), 3U);
  const auto added = interner_.add(filter("w"));
  EXPECT_EQ(added.id, 0U);
  EXPECT_TRUE(added.is_new);
  EXPECT_EQ(interner_.at(0)->text(), filter("w")->text());
  EXPECT_EQ(interner_.add(filter("x")).id, 1U);
  EXPECT_EQ(interner_.add(filter("z")).id, 2U);
}

TEST_F(InternerTest, TheBoundShrinksWithTheHighestIds) {
  for (const std::string_view value : {"x", "y", "z"}) interner_.add(filter(value));
  EXPECT_TRUE(interner_.release(1));
  EXPECT_TRUE(interner_.release(2));
  EXPECT_EQ(interner_.bound(), 1U);
  EXPECT_EQ(interner_.at(7), nullptr);
}

}  // namespace
}  // namespace mr::filter
