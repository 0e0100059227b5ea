#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cluster/redis/options.h"
#include "cluster/types.h"

namespace mr::cluster::redis {

// Pub/sub channels of the bus: "{prefix}:{db}:bus:{partition}" and "{prefix}:{db}:bus:control".
// The database is in the name as pub/sub is one for all of a server.
class ChannelNames {
 public:
  explicit ChannelNames(const RedisOptions& options)
      : base_(options.prefix + ":" + std::to_string(options.db) + ":bus:") {}

  const std::string& base() const { return base_; }
  std::string name_of(Subject subject) const;
  // Nothing: not of this bus.
  std::optional<Subject> subject_of(std::string_view name) const;

 private:
  std::string base_;
};

}  // namespace mr::cluster::redis
