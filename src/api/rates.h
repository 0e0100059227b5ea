#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/flat_map.h"

namespace mr::api {

// Token buckets by app, one table per kind of rate; one second's worth may come at once. Owned by
// one loop, which gets its share of each limit. Bounded: past kAppsMax all buckets start anew.
class Rates {
 public:
  static constexpr std::size_t kAppsMax = 10'000;

  Rates(std::uint32_t loops, std::uint64_t hash_seed)
      : loops_(loops == 0 ? 1 : loops), buckets_(0, base::TextHash{hash_seed}) {}

  // Takes `count` of `per_second` (0: no limit) now, or says in how many whole seconds it may be
  // tried again. A request larger than a second's worth passes when the bucket is full and is paid
  // afterwards.
  std::optional<std::uint32_t> take(const std::string& app_id, std::uint32_t per_second,
                                    std::size_t count, base::TimePoint now);

 private:
  struct Bucket {
    double tokens = 0;
    base::TimePoint filled;
  };
  std::uint32_t loops_;
  base::TextMap<Bucket> buckets_;
};

}  // namespace mr::api
