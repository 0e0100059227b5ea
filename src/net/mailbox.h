#pragma once

#include <atomic>
#include <cstddef>
#include <mutex>
#include <vector>

#include "base/function.h"

namespace mr::net {

// The FIFO of tasks that other threads post to one loop. Owned by the loop. The consumer swaps
// the whole queue out, so producers never wait for a task. `descriptor()` becomes readable (an
// edge, never read) at most once per sleep of the loop.
class Mailbox {
 public:
  Mailbox();
  ~Mailbox();
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  // Any thread.
  void post(base::Task task, std::size_t bytes);
  // Any thread. Wakes the loop whether it sleeps or not.
  void wake();
  // Any thread. What was posted and has not run.
  std::size_t bytes() const { return bytes_.load(std::memory_order_relaxed); }

  // The loop only. True when it may sleep: the next post then wakes it.
  bool prepare_sleep();
  void woke_up();
  // Runs what was posted before the call.
  std::size_t run_batch();
  int descriptor() const { return event_fd_; }

 private:
  struct Item {
    base::Task task;
    std::size_t bytes = 0;
  };

  const int event_fd_;
  std::atomic<std::size_t> bytes_{0};
  std::mutex mutex_;
  std::vector<Item> queue_;  // with mutex_
  bool asleep_ = false;      // with mutex_
  std::vector<Item> batch_;  // the loop's
};

}  // namespace mr::net
