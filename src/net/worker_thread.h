#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <thread>

#include "base/clock.h"
#include "net/runtime.h"

namespace mr::net {

// The worker of production. Its queue has no bound of its own, because a loop must not wait:
// who submits limits what he has under way (the log's buffer, one look-up per connection).
// Submitted work is always finished, also after stop().
class WorkerThread final : public Worker {
 public:
  WorkerThread() = default;
  ~WorkerThread() override;

  void start();
  // Any thread but the worker's. Finishes the queue and joins. `done` tasks may find their loop
  // stopped; they are then destroyed with the loop, which must outlive this call.
  void stop();
  // The same, waiting no longer than `patience`; false when a job still runs then.
  bool stop_within(base::Duration patience);
  // Any thread.
  void submit(base::Task work, Loop& reply_to, base::Task done) override;
  std::size_t queued() const;

 private:
  struct Job {
    base::Task work;
    Loop* reply_to = nullptr;
    base::Task done;
  };
  void run();

  mutable std::mutex mutex_;
  std::condition_variable filled_;
  std::condition_variable ended_;
  std::deque<Job> jobs_;    // with mutex_
  bool stopping_ = false;   // with mutex_
  bool has_ended_ = false;  // with mutex_
  std::thread thread_;
};

}  // namespace mr::net
