#pragma once

#include <cstdint>
#include <string>

#include "api/admin/verdict.h"
#include "base/clock.h"

namespace mr::api {

// Which listener the requests come from.
enum class Listener : std::uint8_t {
  kPublic,   // host:port, open to everybody
  kMetrics,  // metrics.host:metrics.port, for operators
};

struct AdminOptions {
  Listener serve = Listener::kPublic;
  NodeAbout about{};
  std::string token;            // admin.token; empty: /admin/* only from loopback
  bool metrics_enabled = true;  // GET /metrics, on the metrics listener only
  bool usage_enabled = true;    // GET /usage on the public listener; the other always has it
  std::uint32_t accept_traffic_memory_percent_max = 85;  // above it /accept-traffic says 503
  // A loop that was silent for so long fails liveness: ten missed ticks of a second.
  base::Duration loop_silence_max = std::chrono::seconds(10);
};

}  // namespace mr::api
