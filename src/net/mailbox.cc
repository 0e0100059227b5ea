#include "net/mailbox.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>
#include <utility>

namespace mr::net {
namespace {
// A burst's storage above this is given back instead of kept for the next one.
constexpr std::size_t kKeptItems = 4096;
}  // namespace

Mailbox::Mailbox() : event_fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  MR_ASSERT(event_fd_ >= 0, "eventfd: out of descriptors at start; raise the limit (ulimit -n)");
}

Mailbox::~Mailbox() { ::close(event_fd_); }

void Mailbox::post(base::Task task, std::size_t bytes) {
  bytes_.fetch_add(bytes, std::memory_order_relaxed);
  bool must_wake = false;
  {
    std::lock_guard lock(mutex_);
    queue_.push_back({std::move(task), bytes});
    must_wake = std::exchange(asleep_, false);
  }
  if (must_wake) wake();
}

void Mailbox::wake() {
  // The counter is never read: watched edge-triggered, each write is an event. It cannot reach
  // its limit of 2^64 - 2 in the life of a process.
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(event_fd_, &one, sizeof one);
}

bool Mailbox::prepare_sleep() {
  std::lock_guard lock(mutex_);
  asleep_ = queue_.empty();
  return asleep_;
}

void Mailbox::woke_up() {
  std::lock_guard lock(mutex_);
  asleep_ = false;
}

std::size_t Mailbox::run_batch() {
  {
    std::lock_guard lock(mutex_);
    batch_.swap(queue_);
  }
  const std::size_t count = batch_.size();
  for (Item& item : batch_) {
    item.task();
    item.task = nullptr;
    bytes_.fetch_sub(item.bytes, std::memory_order_relaxed);
  }
  batch_.clear();
  if (batch_.capacity() > kKeptItems && count < kKeptItems / 4) batch_.shrink_to_fit();
  return count;
}

}  // namespace mr::net
