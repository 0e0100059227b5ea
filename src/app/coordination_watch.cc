#include "app/coordination_watch.h"

#include <algorithm>
#include <utility>

namespace mr::app {

void CoordinationWatch::take(std::size_t loop, News news) {
  loops_[loop] = std::move(news);
  const News& changed = loops_[loop];
  if (!changed.is_on) {
    told_ = Told::kNothing;
    return;
  }
  const bool is_up = std::ranges::all_of(loops_, &News::is_up);
  const Told now = is_up ? Told::kUp : Told::kDown;
  // While some loop still comes up, the others' news is no fault.
  if (now == told_ || (!is_up && changed.is_up)) return;
  told_ = now;
  tell(changed);
}

// Messages are literals: whoever watches the log looks for them.
void CoordinationWatch::tell(const News& news) const {
  if (news.backend == "NATS") {
    if (news.is_up) return log_.info("Delta compression cluster coordination enabled via NATS");
    log_.warn("Failed to setup NATS cluster coordination, falling back to node-local",
              {{"reason", news.why}});
  } else {
    if (news.is_up) return log_.info("Delta compression cluster coordination enabled via Redis");
    log_.warn("Failed to setup Redis cluster coordination, falling back to node-local",
              {{"reason", news.why}});
  }
}

void CoordinationWatch::collect(std::vector<observability::GaugeSample>& out) const {
  if (std::ranges::none_of(loops_, &News::is_on)) return;
  const bool is_up = std::ranges::all_of(loops_, &News::is_up);
  out.push_back({"millrace_delta_cluster_coordination_backend_up",
                 "1 while the common counters answer this node",
                 {{"backend", loops_.front().backend}},
                 is_up ? 1.0 : 0.0,
                 observability::SampleKind::kGauge});
}

}  // namespace mr::app
