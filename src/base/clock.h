#pragma once

#include <chrono>
#include <cstdint>

namespace mr::base {

using Duration = std::chrono::nanoseconds;
using TimePoint = std::chrono::time_point<std::chrono::steady_clock, Duration>;
using WallTime = std::chrono::time_point<std::chrono::system_clock, Duration>;

// All time comes from here; tests give a virtual one. Any thread may call it.
class Clock {
 public:
  virtual ~Clock() = default;
  // Monotonic: for order, timeouts and measurements.
  virtual TimePoint now() const = 0;
  // Wall clock: only for signatures' timestamps, payloads and logs.
  virtual WallTime wall_now() const = 0;
};

inline std::int64_t unix_ms(WallTime t) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(t.time_since_epoch()).count();
}

}  // namespace mr::base
