#include "model/tags.h"

#include <gtest/gtest.h>

namespace mr::model {
namespace {

TEST(TagsTest, AreSortedAndFoundByName) {
  const Tags tags = make_tags({{"symbol", "AAPL"}, {"price", "101.5"}, {"", "empty"}});
  EXPECT_EQ(tags, (Tags{{"", "empty"}, {"price", "101.5"}, {"symbol", "AAPL"}}));
  ASSERT_NE(find_tag(tags, "price"), nullptr);
  EXPECT_EQ(*find_tag(tags, "price"), "101.5");
  EXPECT_EQ(find_tag(tags, "pric"), nullptr);
  EXPECT_EQ(find_tag(tags, "zebra"), nullptr);
  EXPECT_EQ(find_tag({}, ""), nullptr);
}

TEST(TagsTest, TheFirstOfARepeatedNameStays) {
  EXPECT_EQ(make_tags({{"b", "1"}, {"a", "2"}, {"b", "3"}}), (Tags{{"a", "2"}, {"b", "1"}}));
}

}  // namespace
}  // namespace mr::model
