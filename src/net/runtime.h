#pragma once

#include <cstddef>
#include <vector>

#include "base/function.h"
#include "net/loop.h"
#include "net/loop_stats.h"

namespace mr::net {

// The one thread for what blocks (DNS, files, log writes). Work runs there in order; `done` is
// posted to `reply_to`. In simulation both run on the stepper.
class Worker {
 public:
  virtual ~Worker() = default;
  virtual void submit(base::Task work, Loop& reply_to, base::Task done) = 0;
};

// The loops of one node: N serving loops, a control loop without a client listener, a worker.
// EpollRuntime starts a thread each; SimRuntime steps them all on the test's thread.
class Runtime {
 public:
  virtual ~Runtime() = default;
  virtual std::size_t loop_count() const = 0;
  virtual Loop& loop(std::size_t index) = 0;
  virtual Loop& control() = 0;
  virtual Worker& worker() = 0;
  // What the loops did, the control loop last; any thread. Empty in simulation.
  virtual std::vector<const LoopStats*> stats() const = 0;
};

}  // namespace mr::net
