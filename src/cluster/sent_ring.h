#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "cluster/messages.h"

namespace mr::cluster {

// What this node numbered lately on the bus partitions of one loop, so that it can tell a node that
// missed some which channels they were for. At most `entries_max` entries over all partitions; the
// oldest go first.
class SentRing {
 public:
  SentRing(std::uint32_t partitions, std::size_t entries_max)
      : sent_(partitions), entries_max_(entries_max) {}

  // The next number of the partition, noted for this channel. `is_ordered`: of a message that this
  // node misses too when it is lost.
  std::uint64_t number(std::uint32_t partition, const std::string& app_id,
                       const std::string& channel, bool is_ordered = false);
  // The last number given; 0: none.
  std::uint64_t tail(std::uint32_t partition) const { return sent_[partition].tail; }
  // Of all partitions on which a number was given, in order.
  Tails tails() const;
  // Which channels the numbers of a gap were for, and how many each; incomplete when some of them
  // are forgotten, or were never given.
  GapAnswer find(const Gap& gap) const { return find(gap, Which::kAll); }
  // The same of the ordered ones alone; nothing, and complete, when none was lost.
  GapAnswer find_ordered(const Gap& gap) const;
  std::size_t size() const { return order_.size(); }

 private:
  struct Entry {
    std::string app_id;
    std::string channel;
    bool is_ordered = false;
  };
  enum class Which : std::uint8_t { kAll, kOrdered };
  GapAnswer find(const Gap& gap, Which which) const;
  struct Sent {
    std::uint64_t tail = 0;
    std::uint64_t last_ordered = 0;  // its number
    std::deque<Entry> last;          // its newest has the number `tail`
  };

  std::vector<Sent> sent_;
  std::deque<std::uint32_t> order_;  // the partitions of all entries, the oldest first
  const std::size_t entries_max_;
};

}  // namespace mr::cluster
