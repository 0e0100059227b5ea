#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/function.h"
#include "cluster/types.h"

namespace mr::cluster {

// The nodes as the broker's store knows them: who registered lately, crashed ones included until
// their line runs out. Control loop.
class Registry {
 public:
  virtual ~Registry() = default;
  // Writes our line and reads all. The answer runs at most once, with nothing when the store
  // cannot tell; not at all when the connection is lost before it.
  using Lines = std::vector<BootId>;
  virtual void beat(BootId boot, std::string_view name,
                    base::Function<void(const Lines*)> done) = 0;
  // Why the store could not tell lately; empty: it could.
  virtual const std::string& problem() const = 0;
  // Our line goes; nobody waits for it.
  virtual void leave(BootId boot) = 0;
};

}  // namespace mr::cluster
