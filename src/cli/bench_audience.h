#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "cli/bench_subscribers.h"

namespace mr::cli {

// A process of subscribers and our end of the socket to it.
struct BenchWorker {
  pid_t pid = 0;
  int descriptor = -1;
  SubscribersOptions options;
};

// Forks `processes` workers that share the connections of `options`. Before the caller has a loop
// or threads. A worker begins when it is told to and ends with its socket.
std::vector<BenchWorker> fork_workers(const SubscribersOptions& options, std::uint32_t processes);

class BenchWorkerLink;

// All subscribers of a run, in this process (no workers) or in others. On the tool's loop.
class Audience {
 public:
  Audience(net::EpollLoop& loop, const SubscribersOptions& options,
           const std::vector<BenchWorker>& workers, Subscribers::Complete on_complete);
  ~Audience();  // ends and reaps the workers

  void start();
  // Of other processes: up to 50 ms old.
  BenchCounts counts() const;
  std::string first_error() const;
  // The workers send their distributions; `done` runs when all are there.
  void finish(base::Function<void(BenchLatency)> done);

 private:
  friend class BenchWorkerLink;

  void on_worker_complete(std::uint64_t number);
  void on_worker_done(const BenchLatency& latency);

  net::EpollLoop& loop_;
  const std::uint64_t channels_;
  Subscribers::Complete on_complete_;
  std::unique_ptr<Subscribers> local_;
  std::vector<std::unique_ptr<BenchWorkerLink>> links_;
  std::unordered_map<std::uint64_t, std::uint32_t> reached_;  // publish -> workers
  base::Function<void(BenchLatency)> done_;
  BenchLatency merged_;
  std::size_t workers_done_ = 0;
};

}  // namespace mr::cli
