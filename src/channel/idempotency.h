#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/flat_map.h"
#include "base/function.h"
#include "channel/service.h"

namespace mr::channel {

// Answers of idempotent requests whose key is homed on one loop. A key is first begun, then
// settled with the answer; later callers get that answer, callers in between wait for it. At most
// `entries_max` keys; a full table forgets the oldest, and who waits for that one goes on himself.
class Idempotency {
 public:
  using Begun = base::Function<void(Service::Idempotent)>;

  Idempotency(std::size_t entries_max, base::Duration ttl, std::uint64_t hash_seed)
      : entries_max_(entries_max), ttl_(ttl), entries_(0, base::TextHash{hash_seed}) {}

  void begin(const std::string& key, base::TimePoint now, Begun done);
  // An empty answer forgets the key; the first who waits may then try.
  void settle(const std::string& key, std::string answer);
  std::size_t size() const { return entries_.size(); }
  std::size_t place_count() const { return oldest_.size(); }
  std::uint64_t evicted() const { return evicted_; }

 private:
  struct Entry {
    std::string answer;
    bool is_settled = false;
    std::uint64_t number = 0;
    std::vector<Begun> waiting;
  };
  struct Place {
    std::string key;
    std::uint64_t number = 0;
    base::TimePoint expires;
  };
  void make_room(base::TimePoint now);

  const std::size_t entries_max_;
  const base::Duration ttl_;
  base::TextMap<Entry> entries_;
  std::deque<Place> oldest_;
  std::uint64_t next_number_ = 1;
  std::uint64_t evicted_ = 0;
};

}  // namespace mr::channel
