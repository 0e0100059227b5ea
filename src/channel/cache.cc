#include "channel/cache.h"

#include <utility>

#include "base/planted.h"

namespace mr::channel {

void Cache::put(const std::string& key, CachedEvent event, base::TimePoint now) {
  if (limits_.entries_max == 0) return;
  const auto [found, is_new] = events_.try_emplace(key);
  Entry& entry = found->second;
  if (is_new) {
    entry.place = oldest_.insert(oldest_.end(), key);
  } else if (entry.expires > now && !event.version.is_newer_than(entry.event.version) &&
             !MR_PLANTED("last_writer_wins")) {
    // The message itself came.
    if (event.version.is(entry.event.version)) entry.event.is_ahead &= event.is_ahead;
    return;
  } else {
    bytes_ -= bytes_of(key, entry.event);
    oldest_.splice(oldest_.end(), oldest_, entry.place);
  }
  bytes_ += bytes_of(key, event);
  entry.event = std::move(event);
  entry.expires = now + limits_.ttl;
  make_room(now);
}

std::size_t Cache::bytes_of(const std::string& key, const CachedEvent& event) {
  std::size_t bytes = key.size() + event.event.size() + event.data.size();
  for (const model::Tag& tag : event.tags) bytes += tag.name.size() + tag.value.size();
  return bytes;
}

void Cache::make_room(base::TimePoint now) {
  while (!oldest_.empty()) {
    const auto entry = events_.find(oldest_.front());
    const bool is_expired = entry->second.expires <= now;
    const bool is_over = events_.size() > limits_.entries_max || bytes_ > limits_.bytes_max;
    if (!is_expired && !is_over) return;
    if (!is_expired) ++evicted_;
    bytes_ -= bytes_of(entry->first, entry->second.event);
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

void Cache::each(base::TimePoint now,
                 base::Function<void(const std::string& key, const CachedEvent&)> visit) const {
  for (const std::string& key : oldest_) {
    const Entry& entry = events_.find(key)->second;
    if (entry.expires > now) visit(key, entry.event);
  }
}

}  // namespace mr::channel
