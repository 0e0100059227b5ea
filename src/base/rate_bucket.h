#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <optional>

#include "base/clock.h"

namespace mr::base {

// A token bucket that all loops take from: one second's worth may come at once. Holds the moment
// at which it is full again (the generic cell rate algorithm), so that one word is all there is to
// share. Wait-free but for collisions; safe for any thread.
class RateBucket {
 public:
  // Takes `count` of `per_second` (0: no limit) now, or says in how many whole seconds it may be
  // tried again. A request larger than a second's worth passes when the bucket is full and is paid
  // afterwards. `now` is of one clock for all callers.
  std::optional<std::uint32_t> take(std::uint32_t per_second, std::uint64_t count,
                                    TimePoint now) const {
    if (per_second == 0) return std::nullopt;
    const std::int64_t at = now.time_since_epoch() / std::chrono::nanoseconds(1);
    const std::int64_t cost = cost_of(count, per_second);
    const std::int64_t needed = std::min(cost, kSecond);
    std::int64_t full_at = full_at_.load(std::memory_order_relaxed);
    std::int64_t from = 0;
    do {
      from = std::max(full_at, at);
      const std::int64_t missing = from - at + needed - kSecond;
      if (missing > 0) {
        return static_cast<std::uint32_t>(
            std::clamp((missing + kSecond - 1) / kSecond, std::int64_t{1}, std::int64_t{3600}));
      }
    } while (!full_at_.compare_exchange_weak(full_at, from + cost, std::memory_order_relaxed));
    return std::nullopt;
  }

 private:
  static constexpr std::int64_t kSecond = 1'000'000'000;
  // Rounded down to the nanosecond: a second's worth fits into a second, and up to 31,000 a second
  // no more than that.
  static std::int64_t cost_of(std::uint64_t count, std::uint32_t per_second) {
    constexpr std::uint64_t kCountMax = 1'000'000'000;  // keeps the product within the type
    return static_cast<std::int64_t>(std::min(count, kCountMax) * kSecond / per_second);
  }

  mutable std::atomic<std::int64_t> full_at_{0};
};

}  // namespace mr::base
