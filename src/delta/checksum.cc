#include "delta/checksum.h"

#include <zlib.h>

#include <algorithm>
#include <cstddef>

namespace mr::delta {

std::uint32_t fossil_checksum(std::string_view text) {
  std::uint32_t sum = 0;
  std::size_t at = 0;
  const auto byte = [&](std::size_t index) {
    return std::uint32_t{static_cast<unsigned char>(text[index])};
  };
  for (; at + 4 <= text.size(); at += 4) {
    sum += byte(at) << 24 | byte(at + 1) << 16 | byte(at + 2) << 8 | byte(at + 3);
  }
  for (std::uint32_t shift = 24; at < text.size(); ++at, shift -= 8) sum += byte(at) << shift;
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
