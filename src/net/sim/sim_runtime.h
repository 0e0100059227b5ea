#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "net/runtime.h"
#include "net/sim/sim_loop.h"

namespace mr::net::sim {

// The worker's twin: work runs in order on the stepper, each up to 2 ms after the one before.
class SimWorker final : public Worker {
 public:
  explicit SimWorker(Sim& sim) : sim_(sim) {}
  void submit(base::Task work, Loop& reply_to, base::Task done) override;
  // Work waits until it is released (a slow disk, a dead DNS).
  void set_frozen(bool frozen);

 private:
  struct Job {
    base::Task work;
    Loop* reply_to = nullptr;
    base::Task done;
  };
  void schedule();
  void run_one();

  Sim& sim_;
  std::deque<Job> jobs_;
  bool scheduled_ = false;
  bool frozen_ = false;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);  // what is under way sees us go
};

struct SimRuntimeOptions {
  std::string host = "10.0.0.1";
  std::size_t loops = 2;
};

// One node of a simulated cluster. Destroying it between two steps is a crash of its process.
// What was built on its loops is destroyed before.
class SimRuntime final : public Runtime {
 public:
  SimRuntime(Sim& sim, SimNetwork& network, SimRuntimeOptions options = {});

  // All loops and the worker stand still, as under SIGSTOP.
  void set_frozen(bool frozen);

  std::size_t loop_count() const override { return loops_.size(); }
  SimLoop& loop(std::size_t index) override { return *loops_[index]; }
  SimLoop& control() override { return *control_; }
  SimWorker& worker() override { return worker_; }
  std::vector<const LoopStats*> stats() const override { return {}; }

 private:
  std::vector<std::unique_ptr<SimLoop>> loops_;
  std::unique_ptr<SimLoop> control_;
  SimWorker worker_;
};

}  // namespace mr::net::sim
