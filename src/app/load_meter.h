#pragma once

#include <cstddef>
#include <cstdint>

#include "base/clock.h"
#include "base/function.h"
#include "cluster/node_facts.h"
#include "net/loop.h"
#include "net/runtime.h"

namespace mr::app {

// Measures how busy this node is, once a second, for its heartbeats. Each loop is asked for three
// numbers; how long the slowest one takes to look is the loop delay, also while it has not. Control
// loop; destroyed while the loops do not run.
class LoadMeter {
 public:
  // What one loop counts, read on it.
  struct LoopFigures {
    std::uint64_t connections = 0;
    std::uint64_t messages = 0;  // to clients, ever
    std::uint64_t queued_bytes = 0;
  };
  using Look = base::Function<LoopFigures(std::size_t loop)>;
  using Take = base::Function<void(const cluster::NodeLoad&)>;
  LoadMeter(net::Runtime& runtime, Look look, Take take);
  void start();

 private:
  void measure();
  void finish();

  net::Runtime& runtime_;
  Look look_;
  Take take_;
  cluster::NodeLoad load_;
  LoopFigures sum_;
  std::size_t missing_ = 0;  // loops that have not looked
  base::Duration slowest_{};
  base::TimePoint asked_{};
  base::TimePoint last_{};  // when the totals below were read
  std::uint64_t messages_ = 0;
  std::uint64_t bytes_ = 0;
  double cpu_seconds_ = 0;
};

}  // namespace mr::app
