#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "net/epoll_loop.h"
#include "net/runtime.h"
#include "net/signal_watch.h"
#include "net/worker_thread.h"

namespace mr::net {

// The runtime of production: a thread per loop ("millrace-0", ...), one for the control loop and
// the worker. What is built on the loops is built before start() and taken down after
// run_until_stopped(), on the thread that owns this object; in between it is reached by posts.
class EpollRuntime final : public Runtime {
 public:
  explicit EpollRuntime(std::size_t loops);
  ~EpollRuntime() override;

  // Before start(). Blocks these signals in every thread; `call` runs on the control loop.
  base::Result<base::Done, NetErrc> watch_signals(const std::vector<int>& signals,
                                                  base::Function<void(int)> call);
  void start();
  // Any thread, any time: ends all loops after their iteration.
  void stop();
  // Waits for stop(), joins the loops, then lets the worker finish its queue. False when the worker
  // hangs in a job for more than a second: only the end of the process can stop it then.
  [[nodiscard]] bool run_until_stopped();

  std::size_t loop_count() const override { return loops_.size(); }
  EpollLoop& loop(std::size_t index) override { return *loops_[index]; }
  EpollLoop& control() override { return control_; }
  WorkerThread& worker() override { return worker_; }
  std::vector<const LoopStats*> stats() const override;

 private:
  void join_loops();

  std::vector<std::unique_ptr<EpollLoop>> loops_;
  EpollLoop control_;
  WorkerThread worker_;
  std::unique_ptr<SignalWatch> signals_;
  std::vector<std::thread> threads_;
  std::mutex mutex_;
  std::condition_variable stopped_;
  bool stop_ = false;  // with mutex_
};

}  // namespace mr::net
