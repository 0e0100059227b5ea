#pragma once

#include <cstdint>
#include <list>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/flat_map.h"
#include "channel/service.h"

namespace mr::channel {

// The last event of each cache channel homed on one loop, for a while after it was published,
// with or without subscribers. At most `entries_max`; the oldest makes room.
class Cache {
 public:
  Cache(std::size_t entries_max, base::Duration ttl, std::uint64_t hash_seed)
      : entries_max_(entries_max), ttl_(ttl), events_(0, base::TextHash{hash_seed}) {}

  void put(const std::string& key, CachedEvent event, base::TimePoint now);
  std::optional<CachedEvent> get(const std::string& key, base::TimePoint now) const;
  std::size_t size() const { return events_.size(); }
  std::size_t place_count() const { return oldest_.size(); }
  std::uint64_t evicted() const { return evicted_; }

 private:
  struct Entry {
    CachedEvent event;
    base::TimePoint expires;
    std::list<std::string>::iterator place;
  };
  void make_room(base::TimePoint now);

  const std::size_t entries_max_;
  const base::Duration ttl_;
  base::TextMap<Entry> events_;
  std::list<std::string> oldest_;  // the keys, the longest unwritten first
  std::uint64_t evicted_ = 0;
};

}  // namespace mr::channel
