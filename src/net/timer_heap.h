#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "base/function.h"
#include "net/types.h"

namespace mr::net {

// One-shot timers of one loop. Equal deadlines run in the order of scheduling. Cancelled entries
// stay in the heap until they come up or outnumber the live ones, then they are swept, so the
// memory is at most twice what the live timers need (plus 64 entries).
class TimerHeap {
 public:
  TimerId add(base::TimePoint deadline, base::Task task);
  // False when it already ran or never was. The task is destroyed before cancel returns.
  bool cancel(TimerId timer);
  // Runs what is due; timers added by these tasks wait for the next call, even with delay 0.
  std::size_t run_due(base::TimePoint now);
  std::optional<base::TimePoint> next_deadline();
  std::size_t size() const { return live_; }
  std::size_t entries() const { return heap_.size(); }  // with the cancelled ones

 private:
  struct Entry {
    base::TimePoint deadline;
    std::uint64_t order;
    std::uint32_t slot;
    std::uint32_t generation;
  };
  struct Slot {
    base::Task task;
    std::uint32_t generation = 1;
  };
  static bool later(const Entry& a, const Entry& b);
  bool is_live(const Entry& entry) const;
  base::Task take(std::uint32_t slot);
  void pop();
  void sweep();

  std::vector<Entry> heap_;
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_;
  std::vector<Entry> due_;
  std::uint64_t next_order_ = 0;
  std::size_t live_ = 0;
};

}  // namespace mr::net
