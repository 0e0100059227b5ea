#pragma once

#include <algorithm>
#include <cstdint>

#include "base/clock.h"

namespace mr::cluster {

// Time that nodes agree on: the wall clock in microseconds since 1970, but never behind what was
// told by another node, and never twice the same. What happens after something that was heard of
// has a higher time, whatever the clocks of the nodes say. One loop's.
class HybridClock {
 public:
  explicit HybridClock(const base::Clock& clock) : clock_(clock) {}

  // Higher than every time before.
  std::uint64_t next() { return last_ = std::max(last_ + 1, wall()); }
  // How late it is; next() may give the same.
  std::uint64_t now() const { return std::max(last_, wall()); }
  // Another node has this time. None is taken that only a damaged envelope can have.
  void observe(std::uint64_t time) {
    if (time <= kMax) last_ = std::max(last_, time);
  }
  // How long ago that was; zero: it is still to come.
  base::Duration since(std::uint64_t time) const {
    const std::uint64_t late = now();
    return std::chrono::microseconds(late > time ? static_cast<std::int64_t>(late - time) : 0);
  }

 private:
  static constexpr std::uint64_t kMax = std::uint64_t{1} << 53;  // in the year 2255
  std::uint64_t wall() const {
    const auto since_1970 = clock_.wall_now().time_since_epoch();
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(since_1970).count());
  }

  const base::Clock& clock_;
  std::uint64_t last_ = 0;
};

}  // namespace mr::cluster
