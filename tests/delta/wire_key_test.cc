#include "delta/wire_key.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace mr::delta {
namespace {

TEST(WireKeyTest, NoValueIsUnderscoreAndARealOneIsEncoded) {
  EXPECT_EQ(wire_key(""), "_");
  EXPECT_EQ(wire_key("_"), "%5F");
  EXPECT_EQ(wire_key("%5F"), "%255F");
  EXPECT_EQ(wire_key("__"), "__");
  EXPECT_EQ(wire_key("BTC-USD"), "BTC-USD");
}

TEST(WireKeyTest, WhatWouldEndAJsonStringIsEncoded) {
  EXPECT_EQ(wire_key("q\"\\\n\x01"), "q%22%5C%0A%01");
  EXPECT_EQ(wire_key("\xC3\xA9"), "\xC3\xA9");
}

TEST(WireKeyTest, EveryValueComesBack) {
  base::SeededRandom random(5);
  const std::string alphabet("_%5F\"\\\n\t\x1f\x7f\xC3\xA9 aA0", 16);
  for (int run = 0; run < 5000; ++run) {
    std::string value;
    for (std::uint64_t n = random.below(6); n > 0; --n) {
      value.push_back(alphabet[random.below(alphabet.size())]);
    }
    EXPECT_EQ(parse_wire_key(wire_key(value)), value);
  }
}

TEST(WireKeyTest, OtherTextsAreRefused) {
  for (const char* key : {"", "%", "%2", "%zz", "%41", "%5f", "a\"b", "%5F_", "%22%"}) {
    EXPECT_FALSE(parse_wire_key(key)) << key;
  }
}

}  // namespace
}  // namespace mr::delta
