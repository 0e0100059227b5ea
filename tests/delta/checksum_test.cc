#include "delta/checksum.h"

#include <gtest/gtest.h>

namespace mr::delta {
namespace {

TEST(ChecksumTest, FossilAddsBigEndianWords) {
  EXPECT_EQ(fossil_checksum(""), 0U);
  EXPECT_EQ(fossil_checksum("abcd"), 0x61626364U);
  EXPECT_EQ(fossil_checksum("abcde"), 0x61626364U + 0x65000000U);
  EXPECT_EQ(fossil_checksum("abcdefg"), 0x61626364U + 0x65666700U);
  EXPECT_EQ(fossil_checksum("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"), 0xFFFFFFFEU);
}

TEST(ChecksumTest, Crc32HasTheCheckValueOfItsCatalogue) {
  EXPECT_EQ(crc32("123456789"), 0xCBF43926U);
  EXPECT_EQ(crc32(""), 0U);
}

}  // namespace
}  // namespace mr::delta
