#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace mr::observability {

// A number that only rises. One writer: the loop that owns its shard (a load and a store, no
// locked instruction); any thread may read.
class Counter {
 public:
  Counter() = default;
  Counter(const Counter&) = delete;
  Counter& operator=(const Counter&) = delete;

  void add(std::uint64_t n = 1) {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

// The same for several writers: any thread may add (the worker, threads of client libraries).
class SharedCounter {
 public:
  SharedCounter() = default;
  SharedCounter(const SharedCounter&) = delete;
  SharedCounter& operator=(const SharedCounter&) = delete;

  void add(std::uint64_t n = 1) { value_.fetch_add(n, std::memory_order_relaxed); }
  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

// Upper bounds of buckets, rising; an endless bucket follows the last one.
std::span<const double> latency_buckets();  // seconds: 50 us ... 10 s
std::span<const double> size_buckets();     // bytes: 64 ... 16 MiB, steps of 4
std::span<const double> count_buckets();    // 1 ... 100,000 in steps of 1, 2, 5

// How often values fell between fixed bounds. One writer like Counter; any thread may read. A
// read in the middle of an observe() may miss that one value in some of its numbers.
class Histogram {
 public:
  explicit Histogram(std::span<const double> bounds)
      : bounds_(bounds.begin(), bounds.end()),
        buckets_(std::make_unique<std::atomic<std::uint64_t>[]>(bounds.size() + 1)) {}

  void observe(double value) { observe(value, 1); }
  // `n` values of that size at once: a batch that shares one measurement.
  void observe(double value, std::uint64_t n) {
    const auto at = std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin();
    auto& bucket = buckets_[static_cast<std::size_t>(at)];
    bucket.store(bucket.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    sum_.store(sum_.load(std::memory_order_relaxed) + value * static_cast<double>(n),
               std::memory_order_relaxed);
  }

  std::span<const double> bounds() const { return bounds_; }
  // Not cumulative; bucket bounds().size() is the endless one.
  std::uint64_t bucket(std::size_t index) const {
    return buckets_[index].load(std::memory_order_relaxed);
  }
  double sum() const { return sum_.load(std::memory_order_relaxed); }

 private:
  const std::vector<double> bounds_;
  const std::unique_ptr<std::atomic<std::uint64_t>[]> buckets_;
  std::atomic<double> sum_{0};
};

}  // namespace mr::observability
