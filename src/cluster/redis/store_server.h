#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cluster/redis/connection.h"
#include "cluster/redis/options.h"
#include "cluster/redis/store_route.h"
#include "net/loop.h"
#include "net/resolve.h"

namespace mr::cluster::redis {

// One Redis as the store, over a connection of its own that comes again after each loss. It takes
// commands when the server has told its run id, which is its life: a restarted server and another
// one of a failover have other ones. The resolver outlives it.
class StoreServer final : public StoreRoute, private ConnectionEvents {
 public:
  // Runs on the loop when the server may drop records that nobody erased. The text names place,
  // reason and remedy.
  using OnWarning = base::Function<void(const std::string& why)>;

  StoreServer(net::Loop& loop, net::Resolver& resolver, RedisOptions options, OnWarning on_warning);
  ~StoreServer() override { stop(); }

  void start() override;
  void stop() override;
  bool command(std::string_view key, std::span<const std::string_view> args,
               OnReply on_reply) override;
  std::vector<std::string> servers() const override { return {connection_.where()}; }
  bool command_at(std::string_view server, std::span<const std::string_view> args,
                  OnReply on_reply) override {
    return server == connection_.where() && command({}, args, std::move(on_reply));
  }
  std::string where(std::string_view) const override { return "Redis at " + connection_.where(); }
  const std::string& problem() const override { return problem_; }

  bool is_ready() const { return life_ != StoreLife::kNone; }
  StoreLife life() const { return life_; }

 private:
  void on_ready() override;
  void on_push(const Reply&) override {}
  void on_closed(std::string_view why) override { lose(std::string(why)); }
  void ask(std::string_view section, base::Function<void(const std::string&)> take);
  void learn_life(const std::string& facts);
  void judge_memory(const std::string& facts);
  void lose(const std::string& why);

  net::Loop& loop_;
  const RedisOptions options_;
  OnWarning on_warning_;
  Connection connection_;
  StoreLife life_ = StoreLife::kNone;  // kNone: not ready
  std::string problem_;
  base::Duration wait_{};
  base::TimePoint opened_at_{};
  net::TimerId retry_ = net::TimerId::kNone;
  bool is_started_ = false;
  std::shared_ptr<bool> lease_ = std::make_shared<bool>(true);  // until it is stopped
};

}  // namespace mr::cluster::redis
