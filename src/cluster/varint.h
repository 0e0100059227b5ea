#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mr::cluster {

// LEB128: seven bits a byte, the lowest first.

inline constexpr unsigned kVarintBytesMax = 10;

constexpr std::size_t varint_size(std::uint64_t value) {
  std::size_t bytes = 1;
  for (; value >= 0x80; value >>= 7) ++bytes;
  return bytes;
}

inline void append_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

enum class Varint : std::uint8_t { kRead, kCut, kOverflow };

// Moves `rest` behind the number when there is one.
inline Varint take_varint(std::string_view& rest, std::uint64_t& value) {
  value = 0;
  for (unsigned i = 0; i < kVarintBytesMax; ++i) {
    if (i == rest.size()) return Varint::kCut;
    const auto byte = static_cast<std::uint8_t>(rest[i]);
    if (i == kVarintBytesMax - 1 && byte > 1) return Varint::kOverflow;
    value |= static_cast<std::uint64_t>(byte & 0x7f) << (7 * i);
    if (byte < 0x80) {
      rest.remove_prefix(i + 1);
      return Varint::kRead;
    }
  }
  return Varint::kOverflow;
}

}  // namespace mr::cluster
