#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/function.h"
#include "cluster/redis/reply.h"
#include "cluster/store.h"

namespace mr::cluster::redis {

// To whom commands on keys of the store go: one server, or the one of a cluster that has the key's
// slot. Loop only.
class StoreRoute {
 public:
  // With the life of the server that executed the command, also when its answer is an error.
  using OnReply = base::Function<void(const Reply&, StoreLife)>;

  virtual ~StoreRoute() = default;
  virtual void start() = 0;
  // What waits is not answered any more.
  virtual void stop() = 0;
  // `on_reply` runs once, never inside the call: with the answer, or with kLost. Commands on one
  // key keep their order. False, and nothing was taken: there is no way to its server now.
  virtual bool command(std::string_view key, std::span<const std::string_view> args,
                       OnReply on_reply) = 0;
  // Where keys lie now, as "127.0.0.1:6379", in the order of these texts; and a command without a
  // key for one of them, as command().
  virtual std::vector<std::string> servers() const = 0;
  virtual bool command_at(std::string_view server, std::span<const std::string_view> args,
                          OnReply on_reply) = 0;
  // "Redis at 127.0.0.1:6379", for texts.
  virtual std::string where(std::string_view key) const = 0;
  // Why there is no way; empty: there is.
  virtual const std::string& problem() const = 0;
};

}  // namespace mr::cluster::redis
