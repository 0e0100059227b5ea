#include "observability/health.h"

#include <algorithm>

#include "base/assert.h"

namespace mr::observability {

std::string_view to_text(NodeState state) {
  switch (state) {
    case NodeState::kStarting:
      return "starting";
    case NodeState::kReady:
      return "ready";
    case NodeState::kDegraded:
      return "degraded";
    case NodeState::kDraining:
      return "draining";
  }
  return "unknown";
}

Pulse::Pulse(const base::Clock& clock, std::size_t loops)
    : clock_(clock),
      started_(clock.now()),
      loops_(loops),
      beats_(std::make_unique<std::atomic<std::int64_t>[]>(loops)) {
  for (std::size_t i = 0; i < loops_; ++i) beat(i);
}

void Pulse::beat(std::size_t loop) {
  MR_ASSERT(loop < loops_, "a loop that the node does not have");
  beats_[loop].store(clock_.now().time_since_epoch().count(), std::memory_order_relaxed);
}

void Pulse::set_state(NodeState state) { state_.store(state, std::memory_order_relaxed); }

NodeState Pulse::state() const { return state_.load(std::memory_order_relaxed); }

void Pulse::set_problem(const char* problem, bool is_refusing) {
  problem_.store(problem, std::memory_order_relaxed);
  is_refusing_.store(is_refusing, std::memory_order_relaxed);
}

NodeHealth Pulse::health() const {
  NodeHealth health;
  health.state = state();
  health.uptime = clock_.now() - started_;
  const char* const problem = problem_.load(std::memory_order_relaxed);
  health.is_whole = problem == nullptr;
  if (problem != nullptr && health.state == NodeState::kReady) {
    health.state = NodeState::kDegraded;
    health.reason = problem;
    health.is_refusing = is_refusing_.load(std::memory_order_relaxed);
  }
  // The beat is read before the clock, else a beat in between would give a negative age.
  for (std::size_t i = 0; i < loops_; ++i) {
    const base::TimePoint beat{base::Duration(beats_[i].load(std::memory_order_relaxed))};
    health.loop_ages.push_back(std::max(base::Duration::zero(), clock_.now() - beat));
  }
  return health;
}

}  // namespace mr::observability
