#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "base/function.h"
#include "cluster/envelope.h"
#include "cluster/options.h"
#include "cluster/sent_ring.h"
#include "model/priority.h"

namespace mr::cluster {

// What goes out on the bus partitions of one loop: numbered before anything can drop it, and kept
// in order while the broker is away. What has a higher priority goes out first, but never
// before what waits of its own partition, which goes with it. The queue is bounded by
// Options::queue_bytes_max; the oldest of the lowest priority are dropped, and whoever misses them
// sees it by their numbers.
class Outbox {
 public:
  explicit Outbox(const Options& options);

  std::uint64_t number(std::uint32_t partition, const std::string& app_id,
                       const std::string& channel, bool is_ordered = false) {
    return ring_.number(partition, app_id, channel, is_ordered);
  }
  bool is_empty() const { return queued_bytes_ == 0; }
  // Something of this partition waits: what comes next waits behind it.
  bool holds(std::uint32_t partition) const;
  void enqueue(std::uint32_t partition, std::uint64_t sequence, std::string envelope,
               std::uint8_t priority = model::kUsualPriority);
  // In the order of each partition, until `send` says that there is no more room for it: another
  // one may have some, where partitions go to shards of their own.
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
  using Queue = std::deque<Queued>;
  static constexpr std::size_t kPriorities = model::kCriticalPriority + std::size_t{1};
  void promote(std::uint32_t partition, std::uint8_t priority);
  void push(std::size_t priority, Queued queued);
  // It leaves its queue.
  void forget(const Queued& queued, std::size_t priority);

  std::array<Queue, kPriorities> queues_;  // by priority
  // How many of each partition wait, by priority.
  std::vector<std::array<std::uint32_t, kPriorities>> waiting_;
  std::size_t queued_bytes_ = 0;
  std::uint64_t dropped_ = 0;
};

}  // namespace mr::cluster
