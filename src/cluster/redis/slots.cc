#include "cluster/redis/slots.h"

#include <array>
#include <vector>

namespace mr::cluster::redis {
namespace {

constexpr std::array<std::uint16_t, 256> crc_table() {
  std::array<std::uint16_t, 256> table{};
  for (std::uint32_t byte = 0; byte < table.size(); ++byte) {
    std::uint32_t crc = byte << 8;
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 0x8000) != 0 ? crc << 1 ^ 0x1021 : crc << 1;
    table[byte] = static_cast<std::uint16_t>(crc);
  }
  return table;
}

constexpr std::array<std::uint16_t, 256> kCrcTable = crc_table();

std::uint16_t crc16(std::string_view text) {
  std::uint16_t crc = 0;
  for (const char c : text) {
    const auto at = static_cast<std::uint8_t>((crc >> 8) ^ static_cast<std::uint8_t>(c));
    crc = static_cast<std::uint16_t>((crc << 8) ^ kCrcTable[at]);
  }
  return crc;
}

std::vector<std::uint32_t> find_tags() {
  constexpr std::uint32_t kNone = UINT32_MAX;
  std::vector<std::uint32_t> tags(kSlots, kNone);
  std::size_t missing = tags.size();
  for (std::uint32_t number = 0; missing > 0; ++number) {
    std::uint32_t& tag = tags[crc16(std::to_string(number)) % kSlots];
    if (tag != kNone) continue;
    tag = number;
    --missing;
  }
  return tags;
}

}  // namespace

std::uint16_t slot_of(std::string_view name) {
  const std::size_t open = name.find('{');
  const std::size_t close = open == name.npos ? name.npos : name.find('}', open + 1);
  if (close != name.npos && close != open + 1) name = name.substr(open + 1, close - open - 1);
  return crc16(name) % kSlots;
}

std::string tag_of(std::uint16_t slot) {
  static const std::vector<std::uint32_t> kTags = find_tags();
  return std::to_string(kTags[slot]);
}

}  // namespace mr::cluster::redis
