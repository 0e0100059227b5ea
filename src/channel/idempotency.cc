#include "channel/idempotency.h"

#include <utility>

namespace mr::channel {

void Idempotency::begin(const std::string& key, base::TimePoint now, Begun done) {
  make_room(now);
  const auto [found, is_new] = entries_.try_emplace(key);
  Entry& entry = found->second;
  if (is_new) {
    entry.number = next_number_++;
    oldest_.push_back({key, entry.number, now + ttl_});
    done({true, {}});
  } else if (entry.is_settled) {
    done({false, entry.answer});
  } else {
    entry.waiting.push_back(std::move(done));
  }
}

void Idempotency::settle(const std::string& key, std::string answer) {
  const auto found = entries_.find(key);
  if (found == entries_.end()) return;  // made room for others meanwhile
  std::vector<Begun> waiting = std::move(found->second.waiting);
  if (answer.empty()) {
    if (waiting.empty()) {
      entries_.erase(found);
      return;
    }
    Begun next = std::move(waiting.front());
    waiting.erase(waiting.begin());
    found->second.waiting = std::move(waiting);
    next({true, {}});
    return;
  }
  found->second.is_settled = true;
  found->second.answer = answer;
  for (Begun& done : waiting) done({false, answer});
}

void Idempotency::make_room(base::TimePoint now) {
  while (!oldest_.empty()) {
    const Place& place = oldest_.front();
    const auto entry = entries_.find(place.key);
    const bool is_live = entry != entries_.end() && entry->second.number == place.number;
    // Keys of failed requests are forgotten and leave their places behind.
    const bool is_over = entries_.size() >= entries_max_ || oldest_.size() > 2 * entries_max_;
    if (is_live && place.expires > now && !is_over) return;
    if (is_live) {
      if (place.expires > now) ++evicted_;
      std::vector<Begun> waiting = std::move(entry->second.waiting);
      entries_.erase(entry);
      for (Begun& done : waiting) done({true, {}});
    }
    oldest_.pop_front();
  }
}

}  // namespace mr::channel
