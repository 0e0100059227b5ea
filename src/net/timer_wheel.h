#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/function.h"

namespace mr::net {

// Coarse timeouts of a loop's connections, one per slab index, in ticks of a second. Scheduling
// and cancelling are O(1); an index costs 12 bytes, used or not, and the storage never shrinks.
// A timeout of n fires at the advance that reaches the tick of scheduling + n. Timeouts longer
// than the wheel are looked at once per turn.
class TimerWheel {
 public:
  explicit TimerWheel(std::size_t slots = 512, std::uint32_t start_tick = 0);

  // Replaces what was scheduled for the index. 0 seconds is the next tick.
  void schedule(std::uint32_t index, std::uint32_t seconds);
  // False when nothing was scheduled.
  bool cancel(std::uint32_t index);
  bool is_scheduled(std::uint32_t index) const;
  // Calls `fire` for what is due; it may schedule and cancel any index. Ticks never go back.
  void advance(std::uint32_t now_tick, base::Function<void(std::uint32_t index)> fire);
  std::size_t size() const { return size_; }

 private:
  static constexpr std::uint32_t kNone = UINT32_MAX;          // end of a list
  static constexpr std::uint32_t kUnlinked = UINT32_MAX - 1;  // as `next`: not scheduled
  struct Link {
    std::uint32_t previous = kNone;
    std::uint32_t next = kUnlinked;
    std::uint32_t deadline = 0;
  };
  std::size_t slot_of(std::uint32_t deadline) const { return deadline % heads_.size(); }
  void link(std::uint32_t index);
  void unlink(std::uint32_t index);
  void fire_slot(std::size_t slot, base::Function<void(std::uint32_t)>& fire);

  std::vector<std::uint32_t> heads_;
  std::vector<Link> links_;
  std::uint32_t firing_ = kNone;  // head of the slot that advance() has in hand
  std::uint32_t now_;
  std::size_t size_ = 0;
};

}  // namespace mr::net
