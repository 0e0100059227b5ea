#pragma once

#include <functional>

#include "net/epoll_loop.h"

namespace mr::cluster::test {

// Runs an EpollLoop in the test's own thread, so far as the test wants.
class EpollDriver final : private net::IterationEnd {
 public:
  EpollDriver() { loop_.set_iteration_end(this); }

  net::EpollLoop& loop() { return loop_; }
  // `done` is asked at first and after each iteration; its last answer.
  bool run_until(const std::function<bool()>& done, base::Duration limit) {
    if (done()) return true;
    done_ = &done;
    is_done_ = false;
    const net::TimerId deadline = loop_.after(limit, [this] { loop_.stop(); });
    loop_.run();
    loop_.cancel(deadline);
    done_ = nullptr;
    return is_done_;
  }

 private:
  bool on_iteration_end() override {
    if (done_ != nullptr && !is_done_ && (*done_)()) {
      is_done_ = true;
      loop_.stop();
    }
    return false;
  }

  net::EpollLoop loop_;
  const std::function<bool()>* done_ = nullptr;
  bool is_done_ = false;
};

}  // namespace mr::cluster::test
