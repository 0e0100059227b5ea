#include "delta/vcdiff_addresses.h"

namespace mr::delta {

void VcdiffAddresses::clear() {
  near_.fill(0);
  same_.fill(0);
  next_ = 0;
}

auto VcdiffAddresses::write(std::uint32_t address, std::uint32_t here) -> Written {
  Written best{kVcdiffSelf, address};
  const auto slot = static_cast<std::uint32_t>(address % same_.size());
  if (here - address < best.value) best = {kVcdiffHere, here - address};
  for (std::uint8_t i = 0; i < kVcdiffNear; ++i) {
    if (address < near_[i] || address - near_[i] >= best.value) continue;
    best = {static_cast<std::uint8_t>(kVcdiffFirstNear + i), address - near_[i]};
  }
  if (best.value >= 128 && same_[slot] == address) {
    best = {static_cast<std::uint8_t>(kVcdiffFirstSame + slot / 256), slot % 256};
  }
  remember(address);
  return best;
}

std::uint64_t VcdiffAddresses::read(std::uint8_t mode, std::uint32_t value, std::uint32_t here) {
  std::uint64_t address = value;
  if (mode == kVcdiffHere) {
    address = std::uint64_t{here} - value;  // wraps far outside when it is before everything
  } else if (mode >= kVcdiffFirstSame) {
    address = same_[std::size_t{256} * (mode - kVcdiffFirstSame) + (value & 0xFF)];
  } else if (mode >= kVcdiffFirstNear) {
    address += near_[mode - kVcdiffFirstNear];
  }
  remember(static_cast<std::uint32_t>(address));
  return address;
}

void VcdiffAddresses::remember(std::uint32_t address) {
  near_[next_] = address;
  next_ = static_cast<std::uint8_t>((next_ + 1) % kVcdiffNear);
  same_[address % same_.size()] = address;
}

}  // namespace mr::delta
