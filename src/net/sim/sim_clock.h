#pragma once

#include "base/clock.h"

namespace mr::net::sim {

// Virtual time: stands still unless the Sim moves it. Both clocks move together; the wall clock
// starts at 2026-01-01 00:00 UTC and can be set off.
class SimClock final : public base::Clock {
 public:
  base::TimePoint now() const override { return now_; }
  base::WallTime wall_now() const override {
    return base::WallTime(now_.time_since_epoch() + wall_offset_);
  }
  void advance_to(base::TimePoint t) {
    if (t > now_) now_ = t;
  }
  void shift_wall(base::Duration by) { wall_offset_ += by; }

 private:
  // Not zero, so that a default TimePoint is in the past.
  base::TimePoint now_{std::chrono::hours(1)};
  base::Duration wall_offset_{std::chrono::seconds(1'767'225'600) - std::chrono::hours(1)};
};

}  // namespace mr::net::sim
