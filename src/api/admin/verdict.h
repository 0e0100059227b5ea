#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "observability/health.h"

namespace mr::api {

// What a probe is told about a node.
struct Verdict {
  bool is_live = true;      // every loop ticks; nothing outside the process counts
  bool has_started = true;  // also true while draining
  bool is_ready = true;     // live, started and not draining
  bool is_degraded = false;
  std::string_view status;  // "starting", "ready", "degraded", "draining" or "stuck"
  std::string reason;       // of "degraded"
  std::vector<std::size_t> stuck_loops;
  bool is_whole = true;  // nothing outside is missing
  base::Duration uptime{};
};

// Who answers a probe. Empty: that is not told.
struct NodeAbout {
  std::string node_id;
  std::string broker;  // "redis", "nats"; empty: none
};

// Pure. A loop that is older than `loop_silence_max` is stuck.
Verdict judge(const observability::NodeHealth& health, base::Duration loop_silence_max);

// {"status":"degraded","reason":"..."}; of a stuck node {"status":"stuck","stuck_loops":[1]}.
// With a node also node_id, uptime_seconds and "checks":{"redis":"ok","cluster_mode":true}; a
// broker is "ok" or "away".
std::string to_json(const Verdict& verdict, const NodeAbout& about = {});

}  // namespace mr::api
