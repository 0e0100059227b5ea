#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <string>

#include "base/flat_map.h"

namespace mr::channel {

// How many messages of each chain passed this node since its last full one by interval, whoever
// decided that. It says what the common counter does not, in time. Chains that nobody here hears
// are counted too; of more than `entries_max` the longest unused is forgotten, as if it had just
// had a full message.
class IntervalCounts {
 public:
  IntervalCounts(std::size_t entries_max, std::uint64_t hash_seed)
      : entries_max_(entries_max), since_(0, base::TextHash{hash_seed}) {}

  // Whether the next message is full.
  bool is_due(const std::string& chain, std::uint32_t interval) const;
  void note(const std::string& chain, bool is_full);
  std::size_t size() const { return since_.size(); }

 private:
  struct Entry {
    std::uint32_t since = 0;
    std::list<std::string>::iterator place;
  };

  const std::size_t entries_max_;
  base::TextMap<Entry> since_;
  std::list<std::string> oldest_;  // the keys, the longest unused first
};

}  // namespace mr::channel
