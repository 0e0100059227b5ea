#include "net/epoll_runtime.h"

#include <pthread.h>

#include <algorithm>
#include <string>
#include <utility>

namespace mr::net {
namespace {

// A look-up of a name may hang for minutes; nobody waits for its answer any more.
constexpr base::Duration kWorkerPatience = std::chrono::seconds(1);

std::thread start_thread(EpollLoop& loop, std::string name) {
  return std::thread([&loop, name = std::move(name)] {
    pthread_setname_np(pthread_self(), name.c_str());
    loop.run();
  });
}

}  // namespace

EpollRuntime::EpollRuntime(std::size_t loops) {
  for (std::size_t i = 0; i < std::max<std::size_t>(loops, 1); ++i) {
    loops_.push_back(std::make_unique<EpollLoop>());
  }
}

EpollRuntime::~EpollRuntime() {
  stop();
  join_loops();
  worker_.stop();
}

base::Result<base::Done, NetErrc> EpollRuntime::watch_signals(const std::vector<int>& signals,
                                                              base::Function<void(int)> call) {
  MR_ASSERT(threads_.empty(), "signals watched after start: threads would still take them");
  auto opened = SignalWatch::open(control_, signals, std::move(call));
  if (!opened) return opened.error();
  signals_ = std::move(opened).value();
  return base::Done{};
}

void EpollRuntime::start() {
  MR_ASSERT(threads_.empty(), "runtime started twice");
  worker_.start();
  for (std::size_t i = 0; i < loops_.size(); ++i) {
    threads_.push_back(start_thread(*loops_[i], "millrace-" + std::to_string(i)));
  }
  threads_.push_back(start_thread(control_, "millrace-ctl"));
}

void EpollRuntime::stop() {
  for (auto& loop : loops_) loop->stop();
  control_.stop();
  std::lock_guard lock(mutex_);
  stop_ = true;
  stopped_.notify_all();
}

bool EpollRuntime::run_until_stopped() {
  {
    std::unique_lock lock(mutex_);
    stopped_.wait(lock, [this] { return stop_; });
  }
  join_loops();
  return worker_.stop_within(kWorkerPatience);
}

std::vector<const LoopStats*> EpollRuntime::stats() const {
  std::vector<const LoopStats*> stats;
  for (const auto& loop : loops_) stats.push_back(&loop->stats());
  stats.push_back(&control_.stats());
  return stats;
}

void EpollRuntime::join_loops() {
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

}  // namespace mr::net
