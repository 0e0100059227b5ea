#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace mr::observability {

enum class NodeState : std::uint8_t {
  kStarting,  // not yet serving: ready says 503
  kReady,
  kDegraded,  // serves local clients, something outside is missing: ready says 200
  kDraining,  // no newcomers: ready says 503
};

// "starting", "ready", "degraded", "draining".
std::string_view to_text(NodeState state);

// A snapshot, of the moment of asking.
struct NodeHealth {
  NodeState state = NodeState::kStarting;
  std::string reason;        // of degraded: what is missing and since when; no secrets
  bool is_refusing = false;  // degraded, and it serves nobody meanwhile: ready says 503
  bool is_whole = true;      // nothing outside is missing
  base::Duration uptime{};
  std::vector<base::Duration> loop_ages;  // since each loop's last tick
};

// Who knows how the node is. Any loop may ask.
class HealthSource {
 public:
  virtual ~HealthSource() = default;
  virtual NodeHealth health() const = 0;
};

// The node's state and the last sign of life of each loop. Any thread; no locks. Every loop calls
// beat() from a timer (each second); a loop that has not begun counts from the construction.
class Pulse final : public HealthSource {
 public:
  Pulse(const base::Clock& clock, std::size_t loops);

  void beat(std::size_t loop);
  void set_state(NodeState state);
  NodeState state() const;
  // What is missing outside; a ready node is degraded meanwhile. The text lives for ever; null:
  // nothing is. `is_refusing`: the node serves nobody while it lasts.
  void set_problem(const char* problem, bool is_refusing = false);
  // Ages by `clock`.
  NodeHealth health() const override;

 private:
  const base::Clock& clock_;
  const base::TimePoint started_;
  const std::size_t loops_;
  const std::unique_ptr<std::atomic<std::int64_t>[]> beats_;  // nanoseconds of Clock::now()
  std::atomic<NodeState> state_{NodeState::kStarting};
  std::atomic<const char*> problem_{nullptr};
  std::atomic<bool> is_refusing_{false};
};

}  // namespace mr::observability
