#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "cluster/redis/connection.h"
#include "cluster/redis/options.h"
#include "cluster/registry.h"
#include "net/loop.h"
#include "net/resolve.h"

namespace mr::cluster::redis {

// The lines of all nodes in one hash, "{prefix}:nodes", each with the server's own time of its last
// beat; one script writes ours, drops those that are older than 15 s, and reads the rest. It opens
// its connection when it is asked, and again after a loss. Control loop; the resolver outlives it.
class RedisRegistry final : public Registry, private ConnectionEvents {
 public:
  RedisRegistry(net::Loop& loop, net::Resolver& resolver, RedisOptions options);
  ~RedisRegistry() override { connection_.close(); }

  void beat(BootId boot, std::string_view name, base::Function<void(const Lines*)> done) override;
  void leave(BootId boot) override;
  const std::string& problem() const override { return problem_; }

 private:
  void on_ready() override { is_open_ = true; }
  void on_push(const Reply&) override {}
  void on_closed(std::string_view why) override {
    is_opening_ = is_open_ = false;
    problem_ = why;
  }

  const RedisOptions options_;
  const std::string key_;
  Connection connection_;
  std::string problem_;
  bool is_opening_ = false;
  bool is_open_ = false;
};

}  // namespace mr::cluster::redis
