#include "cluster/sent_ring.h"

#include <algorithm>

namespace mr::cluster {

std::uint64_t SentRing::number(std::uint32_t partition, const std::string& app_id,
                               const std::string& channel, bool is_ordered) {
  Sent& sent = sent_[partition];
  sent.last.push_back({app_id, channel, is_ordered});
  order_.push_back(partition);
  if (order_.size() > entries_max_) {
    sent_[order_.front()].last.pop_front();
    order_.pop_front();
  }
  ++sent.tail;
  if (is_ordered) sent.last_ordered = sent.tail;
  return sent.tail;
}

Tails SentRing::tails() const {
  Tails found;
  for (std::uint32_t partition = 0; partition < sent_.size(); ++partition) {
    if (sent_[partition].tail > 0) found.emplace_back(partition, sent_[partition].tail);
  }
  return found;
}

GapAnswer SentRing::find_ordered(const Gap& gap) const {
  if (gap.partition < sent_.size() && sent_[gap.partition].last_ordered >= gap.first) {
    return find(gap, Which::kOrdered);
  }
  GapAnswer none;
  none.gap = gap;
  none.is_complete = true;
  return none;
}

GapAnswer SentRing::find(const Gap& gap, Which which) const {
  GapAnswer answer;
  answer.gap = gap;
  if (gap.partition >= sent_.size()) return answer;
  const Sent& sent = sent_[gap.partition];
  const std::uint64_t oldest = sent.tail - sent.last.size() + 1;
  answer.is_complete = gap.first >= oldest && gap.last <= sent.tail;
  const std::uint64_t end = std::min(gap.last, sent.tail);
  for (std::uint64_t number = std::max(gap.first, oldest); number <= end; ++number) {
    const Entry& entry = sent.last[static_cast<std::size_t>(number - oldest)];
    if (which == Which::kOrdered && !entry.is_ordered) continue;
    const auto known = std::ranges::find_if(answer.hits, [&entry](const GapAnswer::Hit& hit) {
      return hit.channel == entry.channel && hit.app_id == entry.app_id;
    });
    if (known != answer.hits.end()) {
      ++known->count;
    } else {
      answer.hits.push_back({entry.app_id, entry.channel, 1});
    }
  }
  return answer;
}

}  // namespace mr::cluster
