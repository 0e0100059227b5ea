#include "delta/checksum.h"

#include <zlib.h>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstring>

namespace mr::delta {

static_assert(std::endian::native == std::endian::little, "words are little-endian");

std::uint32_t fossil_checksum(std::string_view text) {
  // Bytes of like weight are added in 16-bit fields, eight bytes of the text at a time; 257 words
  // fit before a field is full.
  constexpr std::uint64_t kFields = 0x00FF00FF00FF00FF;
  constexpr std::size_t kWordBytes = 8;
  constexpr std::size_t kBlockBytes = 256 * kWordBytes;
  std::uint32_t sum = 0;
  std::size_t at = 0;
  while (at + kWordBytes <= text.size()) {
    const std::size_t words = std::min(text.size() - at, kBlockBytes) / kWordBytes;
    std::uint64_t even = 0;  // the 1st, 3rd, 5th and 7th byte of each word
    std::uint64_t odd = 0;
    for (std::size_t i = 0; i < words; ++i, at += kWordBytes) {
      std::uint64_t word = 0;
      std::memcpy(&word, text.data() + at, kWordBytes);
      even += word & kFields;
      odd += (word >> 8) & kFields;
    }
    const auto field = [](std::uint64_t fields, std::uint32_t index) {
      return static_cast<std::uint32_t>((fields >> (16 * index)) & 0xFFFF);
    };
    sum += (field(even, 0) + field(even, 2)) << 24;
    sum += (field(odd, 0) + field(odd, 2)) << 16;
    sum += (field(even, 1) + field(even, 3)) << 8;
    sum += field(odd, 1) + field(odd, 3);
  }
  for (std::uint32_t shift = 24; at < text.size(); ++at, shift = (shift - 8) & 31) {
    sum += std::uint32_t{static_cast<unsigned char>(text[at])} << shift;
  }
  return sum;
}

std::uint32_t crc32(std::string_view text) {
  constexpr std::size_t kPieceBytesMax = 1U << 30;  // zlib counts in unsigned int
  uLong sum = 0;
  while (!text.empty()) {
    const std::size_t piece = std::min(text.size(), kPieceBytesMax);
    sum = ::crc32(sum, reinterpret_cast<const Bytef*>(text.data()), static_cast<uInt>(piece));
    text.remove_prefix(piece);
  }
  return static_cast<std::uint32_t>(sum);
}

}  // namespace mr::delta
