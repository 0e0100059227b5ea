#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace mr::net {

enum class AcceptError : std::uint8_t {
  kDescriptorLimit,  // EMFILE, ENFILE: the connection was accepted and closed at once
  kNoMemory,         // ENOMEM, ENOBUFS: left in the backlog
  kAborted,          // the peer went before it was accepted, or its network failed
  kOther,
};
inline constexpr std::size_t kAcceptErrors = 4;

constexpr const char* to_text(AcceptError reason) {
  switch (reason) {
    case AcceptError::kDescriptorLimit:
      return "descriptors";
    case AcceptError::kNoMemory:
      return "memory";
    case AcceptError::kAborted:
      return "aborted";
    case AcceptError::kOther:
      break;
  }
  return "other";
}

// A number that one loop writes and any thread reads.
class LoopCounter {
 public:
  void add(std::uint64_t n) {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  void raise_to(std::uint64_t n) {
    if (n > value()) value_.store(n, std::memory_order_relaxed);
  }
  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

// What one loop did since it was made. Durations are in nanoseconds, without the waiting.
struct LoopStats {
  LoopCounter accepts;
  std::array<LoopCounter, kAcceptErrors> accept_errors;
  LoopCounter accept_pauses;
  LoopCounter wakeups;  // returns of epoll_wait
  LoopCounter iteration_sum_ns;
  LoopCounter iteration_max_ns;
  LoopCounter mailbox_tasks;
  LoopCounter timers_run;
  LoopCounter reads;
  LoopCounter bytes_read;
  LoopCounter writes;
  LoopCounter bytes_written;
};

}  // namespace mr::net
