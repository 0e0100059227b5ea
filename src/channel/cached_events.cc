#include "channel/cached_events.h"

#include <string_view>
#include <utility>

#include "channel/options.h"

namespace mr::channel {

CachedEvents::CachedEvents(const Cache::Limits& limits, std::uint32_t partitions,
                           const base::Clock& clock, std::uint64_t hash_seed)
    : clock_(clock),
      partitions_(partitions),
      ttl_(limits.ttl),
      cache_(limits, hash_seed),
      reads_([this](const std::string& key, base::Task done) { read(key, std::move(done)); }) {}

std::uint32_t CachedEvents::partition_of(const std::string& key) const {
  const std::size_t end_of_app = key.find('\0');
  return bus_partition(std::string_view(key).substr(0, end_of_app),
                       std::string_view(key).substr(end_of_app + 1), partitions_);
}

void CachedEvents::keep_own(const std::string& key, CachedEvent event) {
  shared_->save_cached(partition_of(key), key, event);
  keep(key, std::move(event));
}

void CachedEvents::keep(const std::string& key, CachedEvent event) {
  cache_.put(key, std::move(event), clock_.now());
}

std::optional<CachedEvent> CachedEvents::get(const std::string& key) const {
  return cache_.get(key, clock_.now());
}

void CachedEvents::read(const std::string& key, base::Task done) {
  shared_->read_cached(
      partition_of(key), key,
      [this, key, done = std::move(done)](std::optional<StoredEvent> stored) mutable {
        if (stored && stored->age < ttl_) {
          cache_.put(key, std::move(stored->event), clock_.now() - stored->age);
        }
        done();
      });
}

void CachedEvents::write_back() {
  cache_.each(clock_.now(), [this](const std::string& key, const CachedEvent& event) {
    shared_->save_cached(partition_of(key), key, event);
  });
}

}  // namespace mr::channel
