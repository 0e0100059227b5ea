#include "app/store_samples.h"

#include <utility>

namespace mr::app {

void add_store_samples(const cluster::Store& store, std::vector<observability::GaugeSample>& out) {
  const cluster::StoreCounters c = store.counters();
  const auto add = [&out](const char* name, const char* help, observability::Labels labels,
                          std::uint64_t value) {
    out.push_back({name, help, std::move(labels), static_cast<double>(value),
                   observability::SampleKind::kCounter});
  };
  add("millrace_store_requests_total", "Requests to the broker's store", {}, c.requests);
  add("millrace_store_conflicts_total", "Requests that found another revision than they expected",
      {}, c.conflicts);
  const std::pair<const char*, std::uint64_t> unanswered[] = {
      {"unconnected", c.unconnected}, {"late", c.late}, {"lost", c.lost}, {"refused", c.refused}};
  for (const auto& [reason, count] : unanswered) {
    add("millrace_store_unanswered_total", "Requests to the broker's store without an answer",
        {{"reason", reason}}, count);
  }
}

}  // namespace mr::app
