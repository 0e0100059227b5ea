#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

namespace mr::observability {

// Lines on their way from any thread to the one that writes. Bounded by number and bytes: what
// does not fit is dropped and counted.
class LineBuffer {
 public:
  static constexpr std::size_t kBytesMax = 8 << 20;

  explicit LineBuffer(std::size_t lines_max) : lines_max_(lines_max) {}

  // True when the taker has to be told: it is the first since the last take().
  bool put(std::string line);
  // Everything that waits, oldest first.
  std::vector<std::string> take();
  std::uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

 private:
  const std::size_t lines_max_;
  std::mutex mutex_;
  std::vector<std::string> lines_;
  std::size_t bytes_ = 0;
  bool told_ = false;
  std::atomic<std::uint64_t> dropped_{0};
};

}  // namespace mr::observability
