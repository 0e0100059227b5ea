#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cluster/redis/options.h"
#include "cluster/types.h"

namespace mr::cluster::redis {

// Pub/sub channels of the bus: "{prefix}:{db}:bus:{partition}" and "{prefix}:{db}:bus:control".
// The database is in the name as pub/sub is one for all of a server. In a Redis Cluster they are
// sharded channels, with a tag in braces that puts them on their slots:
// "millrace:0:bus:{10923}:512", "millrace:0:bus:{control}".
class ChannelNames {
 public:
  explicit ChannelNames(const RedisOptions& options)
      : base_(options.prefix + ":" + std::to_string(options.db) + ":bus:"),
        is_sharded_(!options.cluster_nodes.empty()),
        partitions_(options.partitions) {}

  const std::string& base() const { return base_; }
  std::string name_of(Subject subject) const;
  // Nothing: not of this bus.
  std::optional<Subject> subject_of(std::string_view name) const;
  // In a Redis Cluster.
  std::uint16_t slot_of(Subject subject) const;

 private:
  std::string base_;
  bool is_sharded_;
  std::uint32_t partitions_;
};

}  // namespace mr::cluster::redis
