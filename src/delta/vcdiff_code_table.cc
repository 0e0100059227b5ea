#include "delta/vcdiff_code_table.h"

namespace mr::delta {
namespace {

constexpr std::array<VcdiffCode, 256> make_codes() {
  std::array<VcdiffCode, 256> codes{};
  std::size_t code = 0;
  const auto put = [&](VcdiffInstruction first, VcdiffInstruction second) {
    codes[code++] = {first, second};
  };
  const auto add = [](std::uint8_t size) { return VcdiffInstruction{VcdiffKind::kAdd, size, 0}; };
  const auto copy = [](std::uint8_t size, std::uint8_t mode) {
    return VcdiffInstruction{VcdiffKind::kCopy, size, mode};
  };
  put({VcdiffKind::kRun, 0, 0}, {});
  for (std::uint8_t size = 0; size <= kVcdiffAddSizeMax; ++size) put(add(size), {});
  for (std::uint8_t mode = 0; mode < kVcdiffModes; ++mode) {
    put(copy(0, mode), {});
    for (std::uint8_t size = kVcdiffCopySizeMin; size <= kVcdiffCopySizeMax; ++size) {
      put(copy(size, mode), {});
    }
  }
  for (std::uint8_t mode = 0; mode < kVcdiffModes; ++mode) {
    const std::uint8_t copy_max = mode < kVcdiffFirstSame ? 6 : 4;
    for (std::uint8_t size = 1; size <= 4; ++size) {
      for (std::uint8_t copied = 4; copied <= copy_max; ++copied) {
        put(add(size), copy(copied, mode));
      }
    }
  }
  for (std::uint8_t mode = 0; mode < kVcdiffModes; ++mode) put(copy(4, mode), add(1));
  return codes;
}

}  // namespace

constexpr std::array<VcdiffCode, 256> kVcdiffCodes = make_codes();

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
