#include "channel/interval_counts.h"

namespace mr::channel {

bool IntervalCounts::is_due(const std::string& chain, std::uint32_t interval) const {
  const auto found = since_.find(chain);
  return found != since_.end() && found->second.since + 1 >= interval;
}

void IntervalCounts::note(const std::string& chain, bool is_full) {
  const auto [at, is_new] = since_.try_emplace(chain);
  Entry& entry = at->second;
  entry.since = is_full ? 0 : entry.since + 1;
  if (!is_new) return oldest_.splice(oldest_.end(), oldest_, entry.place);
  entry.place = oldest_.insert(oldest_.end(), chain);
  if (since_.size() <= entries_max_) return;
  since_.erase(oldest_.front());
  oldest_.pop_front();
}

}  // namespace mr::channel
