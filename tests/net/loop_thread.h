#pragma once

#include <functional>
#include <future>
#include <memory>
#include <thread>
#include <utility>

#include "net/epoll_loop.h"

namespace mr::net::test {

// An EpollLoop that runs on its own thread while this object lives.
class LoopThread {
 public:
  LoopThread() : thread_([this] { loop_.run(); }) {}
  ~LoopThread() { join(); }
  EpollLoop& loop() { return loop_; }
  void join() {
    if (!thread_.joinable()) return;
    loop_.stop();
    thread_.join();
  }
  // Runs `body` on the loop and waits for it.
  void run(std::function<void()> body) {
    // Shared: the waiter may be gone before set_value() returns.
    auto done = std::make_shared<std::promise<void>>();
    auto ran = done->get_future();
    loop_.post([&body, done] {
      body();
      done->set_value();
    });
    ran.wait();
  }

 private:
  EpollLoop loop_;
  std::thread thread_;
};

}  // namespace mr::net::test
