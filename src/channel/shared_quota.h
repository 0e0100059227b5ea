#pragma once

#include <cstdint>
#include <string>

#include "base/function.h"

namespace mr::channel {

// Limits of apps and users that all nodes of a cluster share, owned by this folder. One per loop;
// on that loop only.
class SharedQuota {
 public:
  virtual ~SharedQuota() = default;

  // Holds one place under `name` unless all nodes together hold `limit` (not 0). `done` runs once,
  // within a second, never inside the call.
  virtual void acquire(std::string name, std::uint32_t limit, base::Function<void(bool)> done) = 0;
  virtual void release(std::string name) = 0;
};

}  // namespace mr::channel
