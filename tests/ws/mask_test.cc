#include "ws/mask.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/random.h"

namespace mr::ws {
namespace {

void mask_slowly(std::span<std::byte> bytes, MaskKey key, std::size_t offset) {
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] ^= key[(offset + i) % 4];
}

TEST(MaskTest, EqualsTheByteByByteDefinition) {
  constexpr std::uint64_t kSeed = 20240611;
  SCOPED_TRACE(testing::Message() << "seed " << kSeed);
  base::SeededRandom random(kSeed);
  for (std::size_t size = 0; size < 200; ++size) {
    for (std::size_t offset = 0; offset < 9; ++offset) {
      // Unaligned starts too.
      std::vector<std::byte> fast(size + offset);
      random.fill(fast);
      std::vector<std::byte> slow = fast;
      MaskKey key;
      random.fill(key);
      apply_mask(std::span(fast).subspan(offset), key, offset);
      mask_slowly(std::span(slow).subspan(offset), key, offset);
      ASSERT_EQ(fast, slow) << "size " << size << ", offset " << offset;
    }
  }
}

TEST(MaskTest, IsItsOwnInverse) {
  base::SeededRandom random(7);
  std::vector<std::byte> bytes(1000);
  random.fill(bytes);
  const std::vector<std::byte> before = bytes;
  const MaskKey key = {std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4}};
  apply_mask(bytes, key);
  EXPECT_NE(bytes, before);
  apply_mask(bytes, key);
  EXPECT_EQ(bytes, before);
}

TEST(MaskTest, PiecesEqualTheWhole) {
  base::SeededRandom random(8);
  std::vector<std::byte> whole(97);
  random.fill(whole);
  std::vector<std::byte> pieces = whole;
  const MaskKey key = {std::byte{0xFF}, std::byte{0}, std::byte{0x55}, std::byte{0xAA}};
  apply_mask(whole, key);
  std::size_t at = 0;
  for (std::size_t size : {1, 2, 3, 33, 8, 50}) {
    apply_mask(std::span(pieces).subspan(at, size), key, at);
    at += size;
  }
  ASSERT_EQ(at, pieces.size());
  EXPECT_EQ(pieces, whole);
}

}  // namespace
}  // namespace mr::ws
