#include "cluster/node_news.h"

namespace mr::cluster {

std::vector<NodeChange> NodeNews::look(const std::vector<NodeLine>& lines) {
  using Kind = NodeChange::Kind;
  std::vector<NodeChange> changes;
  const auto tell = [&](Kind kind, std::uint64_t& counter, const NodeLine& line) {
    ++counter;
    changes.push_back({kind, line});
  };
  for (auto& [boot, seen] : seen_) seen.is_listed = false;
  for (const NodeLine& line : lines) {
    // Who has sent no heartbeat yet is known by its boot at most.
    if (line.boot == self_ || line.beat == 0) continue;
    Seen& seen = seen_[line.boot];
    seen.is_listed = true;
    if (line.is_alive && !seen.is_alive) {
      tell(Kind::kJoined, counters_.joined, line);
    } else if (!line.is_alive && seen.is_alive) {
      if (line.has_left) {
        tell(Kind::kLeft, counters_.left, line);
      } else {
        tell(Kind::kSilent, counters_.silent, line);
      }
    } else if (line.is_alive &&
               (seen.name != line.name || seen.status != line.status || seen.facts != line.facts)) {
      tell(Kind::kUpdated, counters_.updated, line);
    }
    seen.is_alive = line.is_alive;
    seen.name = line.name;
    seen.status = line.status;
    seen.facts = line.facts;
  }
  std::erase_if(seen_, [](const auto& entry) { return !entry.second.is_listed; });
  return changes;
}

}  // namespace mr::cluster
