#include "channel/cache.h"

#include <algorithm>
#include <utility>

namespace mr::channel {

void Cache::put(const std::string& key, std::string event, std::string data, base::TimePoint now) {
  if (entries_max_ == 0) return;
  const std::uint64_t number = next_number_++;
  events_.insert_or_assign(key, Entry{std::move(event), std::move(data), now + ttl_, number});
  oldest_.push_back({key, number, now + ttl_});
  make_room(now);
}

void Cache::make_room(base::TimePoint now) {
  while (!oldest_.empty()) {
    const Place& place = oldest_.front();
    const auto entry = events_.find(place.key);
    const bool is_outdated = entry == events_.end() || entry->second.number != place.number;
    // Rewriting one key often leaves outdated places behind the live ones of other keys.
    const bool is_over = events_.size() > entries_max_ || oldest_.size() > 2 * entries_max_ + 16;
    if (!is_outdated && place.expires > now && !is_over) return;
    if (!is_outdated) {
      if (place.expires > now) ++evicted_;
      events_.erase(entry);
    }
    oldest_.pop_front();
  }
}

std::optional<CachedEvent> Cache::get(const std::string& key, base::TimePoint now) const {
  const auto entry = events_.find(key);
  if (entry == events_.end() || entry->second.expires <= now) return std::nullopt;
  const auto left = std::chrono::ceil<std::chrono::seconds>(entry->second.expires - now);
  return CachedEvent{entry->second.event, entry->second.data,
                     static_cast<std::uint32_t>(left.count())};
}

}  // namespace mr::channel
