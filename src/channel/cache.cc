#include "channel/cache.h"

#include <utility>

namespace mr::channel {

void Cache::put(const std::string& key, CachedEvent event, base::TimePoint now) {
  if (entries_max_ == 0) return;
  const auto [found, is_new] = events_.try_emplace(key);
  Entry& entry = found->second;
  if (is_new) {
    entry.place = oldest_.insert(oldest_.end(), key);
  } else {
    oldest_.splice(oldest_.end(), oldest_, entry.place);
  }
  entry.event = std::move(event);
  entry.expires = now + ttl_;
  make_room(now);
}

void Cache::make_room(base::TimePoint now) {
  while (!oldest_.empty()) {
    const auto entry = events_.find(oldest_.front());
    const bool is_expired = entry->second.expires <= now;
    if (!is_expired && events_.size() <= entries_max_) return;
    if (!is_expired) ++evicted_;
    events_.erase(entry);
    oldest_.pop_front();
  }
}

std::optional<CachedEvent> Cache::get(const std::string& key, base::TimePoint now) const {
  const auto entry = events_.find(key);
  if (entry == events_.end() || entry->second.expires <= now) return std::nullopt;
  const auto left = std::chrono::ceil<std::chrono::seconds>(entry->second.expires - now);
  CachedEvent event = entry->second.event;
  event.ttl_seconds = static_cast<std::uint32_t>(left.count());
  return event;
}

}  // namespace mr::channel
