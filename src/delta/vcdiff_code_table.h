#pragma once

#include <array>
#include <cstdint>

namespace mr::delta {

// The default code table of RFC 3284, section 5.6, and the modes of addresses, 5.3.

enum class VcdiffKind : std::uint8_t { kNone, kAdd, kRun, kCopy };

struct VcdiffInstruction {
  VcdiffKind kind = VcdiffKind::kNone;
  std::uint8_t size = 0;  // 0: follows in the instruction section
  std::uint8_t mode = 0;  // of the address of a copy
};

struct VcdiffCode {
  VcdiffInstruction first;
  VcdiffInstruction second;
};

inline constexpr std::uint8_t kVcdiffNear = 4;
inline constexpr std::uint8_t kVcdiffSame = 3;
inline constexpr std::uint8_t kVcdiffModes = 2 + kVcdiffNear + kVcdiffSame;
inline constexpr std::uint8_t kVcdiffSelf = 0;
inline constexpr std::uint8_t kVcdiffHere = 1;
inline constexpr std::uint8_t kVcdiffFirstNear = 2;
inline constexpr std::uint8_t kVcdiffFirstSame = 2 + kVcdiffNear;

// Where the table's groups begin, for writing codes.
inline constexpr std::uint8_t kVcdiffAdd = 1;            // + size (1..17, or 0)
inline constexpr std::uint8_t kVcdiffCopy = 19;          // + 16 x mode + size - 3 (4..18, or 3)
inline constexpr std::uint8_t kVcdiffAddCopy = 163;      // + 12 x mode + 3 x add + copy - 7
inline constexpr std::uint8_t kVcdiffAddCopySame = 235;  // + 4 x same cache + add - 1
inline constexpr std::uint8_t kVcdiffCopyAdd = 247;      // + mode
inline constexpr std::uint32_t kVcdiffAddSizeMax = 17;
inline constexpr std::uint32_t kVcdiffCopySizeMin = 4;
inline constexpr std::uint32_t kVcdiffCopySizeMax = 18;

extern const std::array<VcdiffCode, 256> kVcdiffCodes;

}  // namespace mr::delta
