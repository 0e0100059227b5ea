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

}  // namespace mr::delta
