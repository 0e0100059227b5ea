#include "api/admin/verdict.h"

#include "json/writer.h"

namespace mr::api {

Verdict judge(const observability::NodeHealth& health, base::Duration loop_silence_max) {
  using observability::NodeState;
  Verdict verdict;
  for (std::size_t i = 0; i < health.loop_ages.size(); ++i) {
    if (health.loop_ages[i] > loop_silence_max) verdict.stuck_loops.push_back(i);
  }
  verdict.is_live = verdict.stuck_loops.empty();
  verdict.has_started = health.state != NodeState::kStarting;
  verdict.is_ready = verdict.is_live && verdict.has_started &&
                     health.state != NodeState::kDraining && !health.is_refusing;
  verdict.is_degraded = health.state == NodeState::kDegraded;
  verdict.status = verdict.is_live ? observability::to_text(health.state) : "stuck";
  if (verdict.is_degraded) verdict.reason = health.reason;
  verdict.is_whole = health.is_whole;
  verdict.uptime = health.uptime;
  return verdict;
}

std::string to_json(const Verdict& verdict, const NodeAbout& about) {
  std::string text;
  json::Writer out(text);
  out.begin_object();
  out.key("status");
  out.string(verdict.status);
  if (!verdict.reason.empty()) {
    out.key("reason");
    out.string(verdict.reason);
  }
  if (!verdict.stuck_loops.empty()) {
    out.key("stuck_loops");
    out.begin_array();
    for (const std::size_t loop : verdict.stuck_loops) out.number(std::uint64_t{loop});
    out.end_array();
  }
  if (!about.node_id.empty()) {
    out.key("node_id");
    out.string(about.node_id);
    out.key("uptime_seconds");
    out.number(std::int64_t{verdict.uptime / std::chrono::seconds(1)});
    out.key("checks");
    out.begin_object();
    if (!about.broker.empty()) {
      out.key(about.broker);
      out.string(verdict.is_whole ? "ok" : "away");
    }
    out.key("cluster_mode");
    out.boolean(!about.broker.empty());
    out.end_object();
  }
  out.end_object();
  return text;
}

}  // namespace mr::api
