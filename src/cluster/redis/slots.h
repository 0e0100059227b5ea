#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace mr::cluster::redis {

// Redis Cluster places keys and sharded channels on so many slots.
inline constexpr std::uint16_t kSlots = 16384;

// CRC16 (XMODEM) of what stands in the first pair of braces, or of the whole name when nothing
// does, modulo kSlots.
std::uint16_t slot_of(std::string_view name);

// A text whose slot is that one: the lowest number of all that have it. Every release gives the
// same one.
std::string tag_of(std::uint16_t slot);

// Where a bus partition lies, so that all of them are spread evenly over the slots, neighbours
// beside each other.
constexpr std::uint16_t slot_of_partition(std::uint32_t partition, std::uint32_t partitions) {
  return static_cast<std::uint16_t>(std::uint64_t{partition} * kSlots / partitions);
}

}  // namespace mr::cluster::redis
