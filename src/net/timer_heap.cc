#include "net/timer_heap.h"

#include <algorithm>
#include <utility>

namespace mr::net {
namespace {
constexpr std::size_t kSweepFrom = 64;
}

bool TimerHeap::later(const Entry& a, const Entry& b) {
  return a.deadline != b.deadline ? a.deadline > b.deadline : a.order > b.order;
}

TimerId TimerHeap::add(base::TimePoint deadline, base::Task task) {
  std::uint32_t slot = 0;
  if (free_.empty()) {
    slot = static_cast<std::uint32_t>(slots_.size());
    slots_.emplace_back();
  } else {
    slot = free_.back();
    free_.pop_back();
  }
  slots_[slot].task = std::move(task);
  const std::uint32_t generation = slots_[slot].generation;
  heap_.push_back({deadline, next_order_++, slot, generation});
  std::push_heap(heap_.begin(), heap_.end(), later);
  ++live_;
  return static_cast<TimerId>((std::uint64_t{generation} << 32) | slot);
}

bool TimerHeap::cancel(TimerId timer) {
  const auto raw = static_cast<std::uint64_t>(timer);
  const auto slot = static_cast<std::uint32_t>(raw);
  if (slot >= slots_.size() || slots_[slot].generation != raw >> 32) return false;
  base::Task dropped = take(slot);
  if (heap_.size() > kSweepFrom && heap_.size() > 2 * live_) sweep();
  return true;
}

std::size_t TimerHeap::run_due(base::TimePoint now) {
  // A nested call would see the batch of the outer one.
  std::vector<Entry> due = std::exchange(due_, {});
  due.clear();
  while (!heap_.empty() && heap_.front().deadline <= now) {
    if (is_live(heap_.front())) due.push_back(heap_.front());
    pop();
  }
  std::size_t ran = 0;
  for (const Entry& entry : due) {
    if (!is_live(entry)) continue;  // cancelled by an earlier one of this batch
    base::Task task = take(entry.slot);
    task();
    ++ran;
  }
  due_ = std::move(due);
  return ran;
}

std::optional<base::TimePoint> TimerHeap::next_deadline() {
  while (!heap_.empty() && !is_live(heap_.front())) pop();
  if (heap_.empty()) return std::nullopt;
  return heap_.front().deadline;
}

bool TimerHeap::is_live(const Entry& entry) const {
  return slots_[entry.slot].generation == entry.generation;
}

base::Task TimerHeap::take(std::uint32_t slot) {
  Slot& s = slots_[slot];
  // Generation 0 with slot 0 would be TimerId::kNone.
  if (++s.generation == 0) s.generation = 1;
  free_.push_back(slot);
  --live_;
  return std::exchange(s.task, nullptr);
}

void TimerHeap::pop() {
  std::pop_heap(heap_.begin(), heap_.end(), later);
  heap_.pop_back();
}

void TimerHeap::sweep() {
  std::erase_if(heap_, [this](const Entry& entry) { return !is_live(entry); });
  std::make_heap(heap_.begin(), heap_.end(), later);
}

}  // namespace mr::net
