#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "ws/mask.h"

namespace mr::test {

// A frame written bit by bit, right or wrong: for what ws::frame() refuses to build.
struct RawFrame {
  std::uint8_t opcode = 1;
  std::string payload = {};
  bool fin = true;
  std::uint8_t rsv = 0;
  bool masked = true;
  int length_bytes = -1;  // 0, 2 or 8; -1: the shortest
};

inline constexpr ws::MaskKey kTestKey = {std::byte{0x37}, std::byte{0xFA}, std::byte{0x21},
                                         std::byte{0x3D}};

inline std::string raw_frame(const RawFrame& f) {
  const std::size_t size = f.payload.size();
  int extra = f.length_bytes;
  if (extra < 0) extra = size < 126 ? 0 : (size <= 0xFFFF ? 2 : 8);
  std::string out;
  out.reserve(size + 14);
  out.push_back(static_cast<char>((f.fin ? 0x80 : 0) | f.rsv << 4 | f.opcode));
  const std::size_t length = extra == 0 ? size : (extra == 2 ? 126 : 127);
  out.push_back(static_cast<char>((f.masked ? 0x80U : 0U) | length));
  for (int i = extra - 1; i >= 0; --i) out.push_back(static_cast<char>(size >> (8 * i) & 0xFF));
  if (!f.masked) return out + f.payload;
  for (std::byte b : kTestKey) out.push_back(static_cast<char>(b));
  const std::size_t start = out.size();
  out += f.payload;
  for (std::size_t i = 0; i < size; ++i) {
    out[start + i] = static_cast<char>(out[start + i] ^ static_cast<char>(kTestKey[i % 4]));
  }
  return out;
}

}  // namespace mr::test
