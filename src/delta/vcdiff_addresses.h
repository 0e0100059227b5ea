#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "delta/vcdiff_code_table.h"

namespace mr::delta {

// The near and same caches: both sides keep them alike. One for each window.
class VcdiffAddresses {
 public:
  struct Written {
    std::uint8_t mode;
    std::uint32_t value;  // the byte of a same cache, else a number
  };

  void clear();
  // The shortest way to write `address`; it goes into the caches.
  Written write(std::uint32_t address, std::uint32_t here);
  // What was written; it goes into the caches. May be outside of everything when `value` is bad.
  std::uint64_t read(std::uint8_t mode, std::uint32_t value, std::uint32_t here);

 private:
  void remember(std::uint32_t address);

  std::array<std::uint32_t, kVcdiffNear> near_{};
  std::array<std::uint32_t, std::size_t{256} * kVcdiffSame> same_{};
  std::uint8_t next_ = 0;
};

}  // namespace mr::delta
