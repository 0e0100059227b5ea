#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "cluster/redis/options.h"
#include "cluster/redis/store_route.h"
#include "cluster/registry.h"

namespace mr::cluster::redis {

// The lines of all nodes in one hash, "{prefix}:nodes", each with the server's own time of its last
// beat; one script writes ours, drops those that are older than 15 s, and reads the rest. It
// connects when it is asked first. Control loop.
class RedisRegistry final : public Registry {
 public:
  RedisRegistry(RedisOptions options, std::unique_ptr<StoreRoute> route);
  ~RedisRegistry() override { route_->stop(); }

  void beat(BootId boot, std::string_view name, base::Function<void(const Lines*)> done) override;
  void leave(BootId boot) override;
  const std::string& problem() const override { return problem_; }

 private:
  const RedisOptions options_;
  const std::string key_;
  const std::unique_ptr<StoreRoute> route_;
  std::string problem_;
};

}  // namespace mr::cluster::redis
