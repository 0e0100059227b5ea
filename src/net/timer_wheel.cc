#include "net/timer_wheel.h"

#include <algorithm>
#include <utility>

namespace mr::net {

TimerWheel::TimerWheel(std::size_t slots, std::uint32_t start_tick)
    : heads_(std::max<std::size_t>(slots, 1), kNone), now_(start_tick) {}

void TimerWheel::schedule(std::uint32_t index, std::uint32_t seconds) {
  MR_ASSERT(index < kUnlinked, "timer index out of range");
  if (index >= links_.size()) links_.resize(std::size_t{index} + 1);
  cancel(index);
  links_[index].deadline = now_ + std::max<std::uint32_t>(seconds, 1);
  link(index);
  ++size_;
}

bool TimerWheel::cancel(std::uint32_t index) {
  if (!is_scheduled(index)) return false;
  unlink(index);
  --size_;
  return true;
}

bool TimerWheel::is_scheduled(std::uint32_t index) const {
  return index < links_.size() && links_[index].next != kUnlinked;
}

void TimerWheel::advance(std::uint32_t now_tick, base::Function<void(std::uint32_t)> fire) {
  MR_ASSERT(now_tick >= now_, "ticks went back");
  const std::uint32_t before = std::exchange(now_, now_tick);
  // After a long pause one turn sees every slot.
  const auto turns = std::min<std::size_t>(now_tick - before, heads_.size());
  for (std::size_t i = 1; i <= turns; ++i) {
    fire_slot(slot_of(before + static_cast<std::uint32_t>(i)), fire);
  }
}

void TimerWheel::fire_slot(std::size_t slot, base::Function<void(std::uint32_t)>& fire) {
  // The slot's list is taken out first, so that what `fire` links into the slot is not seen.
  firing_ = std::exchange(heads_[slot], kNone);
  while (firing_ != kNone) {
    const std::uint32_t index = firing_;
    unlink(index);
    if (links_[index].deadline > now_) {
      link(index);
    } else {
      --size_;
      fire(index);
    }
  }
}

void TimerWheel::link(std::uint32_t index) {
  std::uint32_t& head = heads_[slot_of(links_[index].deadline)];
  links_[index].previous = kNone;
  links_[index].next = head;
  if (head != kNone) links_[head].previous = index;
  head = index;
}

void TimerWheel::unlink(std::uint32_t index) {
  Link& own = links_[index];
  if (own.next != kNone) links_[own.next].previous = own.previous;
  if (own.previous != kNone) {
    links_[own.previous].next = own.next;
  } else if (firing_ == index) {
    firing_ = own.next;
  } else {
    heads_[slot_of(own.deadline)] = own.next;
  }
  own = {.previous = kNone, .next = kUnlinked, .deadline = own.deadline};
}

}  // namespace mr::net
