#include "cluster/counter.h"

#include <gtest/gtest.h>

namespace mr::cluster {
namespace {

TEST(CounterNameTest, EveryKeyIsReadInOneWayOnly) {
  const CounterKey keys[] = {{"my-app", "ticker:AAPL", "AAPL"},
                             {"a:b", "c", "_"},
                             {"a%3Ab", "c", "%5F"},
                             {"{a}", "x:y:z", "{k}:%22"}};
  for (const CounterKey& key : keys) {
    const auto read = parse_counter_name(counter_name(key));
    ASSERT_TRUE(read) << counter_name(key);
    EXPECT_EQ(*read, key);
  }
  EXPECT_EQ(counter_name(keys[0]), "my-app:ticker:AAPL:AAPL");
  EXPECT_EQ(counter_name(keys[3]), "%7Ba%7D:x:y:z:%7Bk%7D%3A%22");
  for (const char* other : {"", "a", "a:b", "a:b:", "%zz:b:c", "a{:b:c"}) {
    EXPECT_FALSE(parse_counter_name(other)) << other;
  }
}

TEST(CountTextTest, WhatIsWrittenIsReadAndNothingElseIs) {
  const Count count{5, 10, "node 1"};
  EXPECT_EQ(format_count(count), "5/10 node 1");
  EXPECT_EQ(parse_count(format_count(count)), count);
  for (const char* other : {"", "5", "5/", "5/10", "5/0 n", "x/10 n", "/10 n"}) {
    EXPECT_EQ(parse_count(other), Count{}) << other;
  }
}

}  // namespace
}  // namespace mr::cluster
