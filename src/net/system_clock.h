#pragma once

#include "base/clock.h"

namespace mr::net {

// The kernel's clocks.
class SystemClock final : public base::Clock {
 public:
  base::TimePoint now() const override { return std::chrono::steady_clock::now(); }
  base::WallTime wall_now() const override { return std::chrono::system_clock::now(); }
};

}  // namespace mr::net
