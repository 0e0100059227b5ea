#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/flat_map.h"
#include "filter/filter.h"

namespace mr::filter {

// The different filters of one channel, each with a small number: equal filters share one. Ids of
// filters that nobody holds are given again, the lowest first, so that a bit per id stays short.
// Lives on the channel's home loop.
class Interner {
 public:
  using Id = std::uint32_t;
  struct Added {
    Id id = 0;
    bool is_new = false;  // nobody held an equal filter: its bits are not known yet
  };

  // `hash_seed` is random: clients choose the texts.
  explicit Interner(std::uint64_t hash_seed) : ids_(0, base::TextHash{hash_seed}) {}

  Added add(FilterRef filter);
  // One holder less; true when it was the last and the id is free.
  bool release(Id id);

  // Null for ids that are free.
  const Filter* at(Id id) const { return id < slots_.size() ? slots_[id].filter.get() : nullptr; }
  // Above every id in use.
  std::size_t bound() const { return slots_.size(); }
  std::size_t size() const { return ids_.size(); }

 private:
  struct Slot {
    FilterRef filter;
    std::uint32_t holders = 0;
  };

  std::vector<Slot> slots_;
  base::TextViewMap<Id> ids_;  // by the filters' texts
};

}  // namespace mr::filter
