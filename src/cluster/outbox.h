#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "base/function.h"
#include "cluster/options.h"
#include "cluster/sent_ring.h"

namespace mr::cluster {

// What goes out on the bus partitions of one loop: numbered before anything can drop it, and kept
// in order while the broker is away. The queue is bounded by Options::queue_bytes_max; the oldest
// go first, and whoever misses them sees it by their numbers.
class Outbox {
 public:
  explicit Outbox(const Options& options);

  std::uint64_t number(std::uint32_t partition, const std::string& app_id,
                       const std::string& channel, bool is_ordered = false) {
    return ring_.number(partition, app_id, channel, is_ordered);
  }
  bool is_empty() const { return queue_.empty(); }
  void enqueue(std::uint32_t partition, std::uint64_t sequence, std::string envelope);
  // In order, until `send` says that there is no more room.
  void drain(base::Function<bool(std::uint32_t, std::string_view)> send);

  // The last numbers that went out; what waits here is not told of.
  std::uint64_t tail(std::uint32_t partition) const;
  Tails tails() const;
  GapAnswer find(const Gap& gap) const { return ring_.find(gap); }
  GapAnswer find_ordered(const Gap& gap) const { return ring_.find_ordered(gap); }

  std::size_t queued_bytes() const { return queued_bytes_; }
  std::uint64_t dropped() const { return dropped_; }

 private:
  struct Queued {
    std::uint32_t partition = 0;
    std::uint64_t sequence = 0;
    std::string envelope;
  };

  const std::uint32_t partitions_;
  const std::size_t queue_bytes_max_;
  SentRing ring_;
  std::deque<Queued> queue_;
  std::size_t queued_bytes_ = 0;
  std::uint64_t dropped_ = 0;
};

}  // namespace mr::cluster
