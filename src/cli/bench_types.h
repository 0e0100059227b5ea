#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace mr::cli {

// Latencies in nanoseconds, kept to 1.6 %: 64 steps per power of two. Merges by addition, so that
// several processes make one distribution.
class LatencyHistogram {
 public:
  static constexpr std::size_t kSteps = 64;
  static constexpr std::size_t kBuckets = kSteps * 36;

  void record(std::uint64_t ns);
  void merge(const LatencyHistogram& other);
  std::uint64_t count() const { return count_; }
  std::uint64_t max() const { return max_; }
  // The upper end of the bucket that holds this share of all values; 0 when empty.
  std::uint64_t quantile(double share) const;

 private:
  static std::size_t bucket_of(std::uint64_t ns);
  static std::uint64_t top_of(std::size_t bucket);

  std::array<std::uint64_t, kBuckets> buckets_{};
  std::uint64_t count_ = 0;
  std::uint64_t max_ = 0;
};

// Of messages whose subscriber is on the node that they were published through, and of the others.
struct BenchLatency {
  LatencyHistogram local;
  LatencyHistogram remote;

  void merge(const BenchLatency& other) {
    local.merge(other.local);
    remote.merge(other.remote);
  }
  LatencyHistogram all() const {
    LatencyHistogram sum = local;
    sum.merge(remote);
    return sum;
  }
};

// What the subscribers of one process have seen.
struct BenchCounts {
  std::uint64_t connected = 0;  // connections that are subscribed
  std::uint64_t failed = 0;     // connections that were refused or lost
  std::uint64_t delivered = 0;  // each message once per subscriber; warm-up included
  std::uint64_t measured = 0;   // of them not of the warm-up
  std::uint64_t duplicates = 0;
  std::uint64_t deltas = 0;       // messages that came as deltas
  std::uint64_t undecodable = 0;  // deltas that the connection could not have decoded
  std::uint64_t last_ns = 0;      // monotonic time of the last delivery
};

// The mark at the beginning of every payload: when and as which publish it was sent.
//   "mr" ('b' measured | 'w' warm-up) 16 hex digits: number, 16 hex digits: monotonic ns
struct BenchMark {
  static constexpr std::size_t kBytes = 35;
  bool is_measured = false;
  std::uint64_t number = 0;
  std::uint64_t sent_ns = 0;

  void write(std::string& out) const;
  // Looks for it near the beginning of a frame's payload.
  static std::optional<BenchMark> find(std::string_view payload);
};

// Which of `nodes` a channel is published through, and which one has the subscriber with this
// number among all connections: those of one channel are spread evenly over all, and the only one
// of a channel of its own is never where that is published.
std::size_t entry_node(std::uint64_t channel, std::size_t nodes);
std::size_t subscriber_node(std::uint64_t number, std::uint64_t channels, std::size_t nodes);

std::uint64_t monotonic_ns();
std::string bench_channel(std::uint64_t index, bool is_private);

}  // namespace mr::cli
