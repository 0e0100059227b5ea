#include "net/worker_thread.h"

#include <pthread.h>

#include <utility>

namespace mr::net {

WorkerThread::~WorkerThread() { stop(); }

void WorkerThread::start() {
  MR_ASSERT(!thread_.joinable(), "worker started twice");
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "millrace-worker");
    run();
  });
}

void WorkerThread::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  filled_.notify_one();
  if (thread_.joinable()) thread_.join();
}

bool WorkerThread::stop_within(base::Duration patience) {
  {
    std::unique_lock lock(mutex_);
    stopping_ = true;
    filled_.notify_one();
    const auto has_ended = [this] { return has_ended_ || !thread_.joinable(); };
    if (!ended_.wait_for(lock, patience, has_ended)) return false;
  }
  stop();
  return true;
}

void WorkerThread::submit(base::Task work, Loop& reply_to, base::Task done) {
  {
    std::lock_guard lock(mutex_);
    jobs_.push_back({std::move(work), &reply_to, std::move(done)});
  }
  filled_.notify_one();
}

std::size_t WorkerThread::queued() const {
  std::lock_guard lock(mutex_);
  return jobs_.size();
}

void WorkerThread::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    filled_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
    if (jobs_.empty()) {
      has_ended_ = true;
      ended_.notify_one();
      return;
    }
    Job job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    job.work();
    job.work = nullptr;
    if (job.done) job.reply_to->post(std::move(job.done));
    lock.lock();
  }
}

}  // namespace mr::net
