#pragma once

#include <cstdint>
#include <list>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/flat_map.h"
#include "base/function.h"
#include "channel/service.h"

namespace mr::channel {

// The newest event of each cache channel homed on one loop, for a while after it was published,
// with or without subscribers. Bounded in entries and bytes; the oldest makes room.
class Cache {
 public:
  struct Limits {
    std::size_t entries_max = 10'000;
    std::size_t bytes_max = 64 << 20;  // of keys and events
    base::Duration ttl = std::chrono::minutes(30);
  };
  Cache(const Limits& limits, std::uint64_t hash_seed)
      : limits_(limits), events_(0, base::TextHash{hash_seed}) {}

  // Unless it has a newer one. `now`: when it was published.
  void put(const std::string& key, CachedEvent event, base::TimePoint now);
  std::optional<CachedEvent> get(const std::string& key, base::TimePoint now) const;
  // All that are live, the longest unwritten first.
  void each(base::TimePoint now,
            base::Function<void(const std::string& key, const CachedEvent&)> visit) const;
  std::size_t size() const { return events_.size(); }
  std::size_t bytes() const { return bytes_; }
  std::size_t place_count() const { return oldest_.size(); }
  std::uint64_t evicted() const { return evicted_; }

 private:
  struct Entry {
    CachedEvent event;
    base::TimePoint expires;
    std::list<std::string>::iterator place;
  };
  static std::size_t bytes_of(const std::string& key, const CachedEvent& event);
  void make_room(base::TimePoint now);

  const Limits limits_;
  base::TextMap<Entry> events_;
  std::list<std::string> oldest_;  // the keys, the longest unwritten first
  std::size_t bytes_ = 0;
  std::uint64_t evicted_ = 0;
};

}  // namespace mr::channel
