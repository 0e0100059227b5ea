#include "delta/checksum.h"

#include <gtest/gtest.h>

#include <string>

#include "base/random.h"

namespace mr::delta {
namespace {

TEST(ChecksumTest, FossilAddsBigEndianWords) {
  EXPECT_EQ(fossil_checksum(""), 0U);
  EXPECT_EQ(fossil_checksum("abcd"), 0x61626364U);
  EXPECT_EQ(fossil_checksum("abcde"), 0x61626364U + 0x65000000U);
  EXPECT_EQ(fossil_checksum("abcdefg"), 0x61626364U + 0x65666700U);
  EXPECT_EQ(fossil_checksum("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"), 0xFFFFFFFEU);
}

TEST(ChecksumTest, FossilOfEveryLengthIsThatOfItsBytes) {
  constexpr std::uint64_t kSeed = 64;
  SCOPED_TRACE(testing::Message() << "seed " << kSeed);
  base::SeededRandom random(kSeed);
  for (std::size_t length = 0; length < 5000; length += length < 40 ? 1 : 331) {
    std::string text(length, '\xFF');
    for (char& byte : text) {
      if (random.below(4) == 0) byte = static_cast<char>(random.below(256));
    }
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i < length; ++i) {
      sum += std::uint32_t{static_cast<unsigned char>(text[i])} << (24 - 8 * (i % 4));
    }
    ASSERT_EQ(fossil_checksum(text), sum) << length;
  }
}

TEST(ChecksumTest, Crc32HasTheCheckValueOfItsCatalogue) {
  EXPECT_EQ(crc32("123456789"), 0xCBF43926U);
  EXPECT_EQ(crc32(""), 0U);
}

}  // namespace
}  // namespace mr::delta
