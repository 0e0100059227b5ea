#include "delta/conflation_key.h"

#include <gtest/gtest.h>

namespace mr::delta {
namespace {

TEST(ConflationKeyTest, OfObjectsAndOfStringsThatHoldOne) {
  EXPECT_EQ(conflation_key(R"({"symbol":"AAPL","bid":1})", "symbol"), "AAPL");
  EXPECT_EQ(conflation_key(R"("{\"symbol\":\"AAPL\",\"bid\":1}")", "symbol"), "AAPL");
  EXPECT_EQ(conflation_key(R"("{\"instrument\":{\"id\":17}}")", "instrument.id"), "17");
  EXPECT_EQ(conflation_key(R"("{\"live\":true}")", "live"), "true");
}

TEST(ConflationKeyTest, WhatIsMissingIsEmpty) {
  for (const char* data : {R"("{\"bid\":1}")", R"("hello")", R"("")", "7", "",
                           R"("{\"symbol\":null}")", R"("{\"symbol\":{}}")"}) {
    EXPECT_EQ(conflation_key(data, "symbol"), "") << data;
  }
}

TEST(ConflationKeyTest, APathMayBeginAtTheEnvelope) {
  EXPECT_EQ(conflation_key(R"("{\"symbol\":\"AAPL\"}")", "data.symbol"), "AAPL");
  EXPECT_EQ(
      conflation_key(R"("{\"symbol\":\"no\",\"data\":{\"symbol\":\"AAPL\"}}")", "data.symbol"),
      "AAPL")
      << "a member of that name comes first";
}

}  // namespace
}  // namespace mr::delta
