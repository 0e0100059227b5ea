#pragma once

#include <cstdint>

#include "delta/algorithm.h"

namespace mr::delta {

// What makes delta frames of one message and base differ. Small numbers, for sets and indexes.
struct FormClass {
  static constexpr std::uint8_t kCount = 16;
  static constexpr std::uint8_t kNone = 255;  // no deltas

  Algorithm algorithm = Algorithm::kFossil;
  bool is_unnamed = false;  // frames leave the algorithm out: the client knows it
  bool is_second = false;   // protocol 2: `sockudo:` names
  bool has_crc = false;     // VCDIFF frames carry the sum of the text

  constexpr std::uint8_t index() const {
    return static_cast<std::uint8_t>((algorithm == Algorithm::kVcdiff ? kVcdiffBit : 0) |
                                     (is_unnamed ? kUnnamedBit : 0) | (is_second ? 4 : 0) |
                                     (has_crc ? 8 : 0));
  }
  static constexpr FormClass of(std::uint8_t index) {
    return {(index & kVcdiffBit) != 0 ? Algorithm::kVcdiff : Algorithm::kFossil,
            (index & kUnnamedBit) != 0, (index & 4) != 0, (index & 8) != 0};
  }
  // The same with the algorithm in the frame, which every client of the class understands.
  static constexpr std::uint8_t named(std::uint8_t index) {
    return static_cast<std::uint8_t>(index & ~kUnnamedBit);
  }

 private:
  static constexpr std::uint8_t kVcdiffBit = 1;
  static constexpr std::uint8_t kUnnamedBit = 2;
};

}  // namespace mr::delta
