#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"
#include "channel/cache.h"
#include "channel/cache_reads.h"
#include "channel/shared_state.h"

namespace mr::channel {

// The newest events of the cache channels homed on one loop, here and in the store of all nodes.
// Home loop only.
class CachedEvents {
 public:
  CachedEvents(const Cache::Limits& limits, std::uint32_t partitions, const base::Clock& clock,
               std::uint64_t hash_seed);
  // Before start; it outlives this.
  void set_shared(SharedState& shared) { shared_ = &shared; }

  // A message of this node was released; of another one.
  void keep_own(const std::string& key, CachedEvent event);
  void keep(const std::string& key, CachedEvent event);
  std::optional<CachedEvent> get(const std::string& key) const;
  CacheReads& reads() { return reads_; }

  // The broker is back: what it may have lost is given to it again.
  void write_back();
  const Cache& cache() const { return cache_; }

 private:
  std::uint32_t partition_of(const std::string& key) const;
  void read(const std::string& key, base::Task done);

  const base::Clock& clock_;
  const std::uint32_t partitions_;
  const base::Duration ttl_;
  AloneState alone_;
  SharedState* shared_ = &alone_;
  Cache cache_;
  CacheReads reads_;
};

}  // namespace mr::channel
