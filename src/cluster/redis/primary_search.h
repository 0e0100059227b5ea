#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "base/function.h"
#include "base/result.h"
#include "cluster/redis/options.h"
#include "net/loop.h"
#include "net/resolve.h"

namespace mr::cluster::redis {

class Connection;
struct Reply;

// What a sentinel answers to SENTINEL GET-MASTER-ADDR-BY-NAME. The detail of an error names what
// it was asked for and the remedy.
enum class SentinelErrc : std::uint8_t { kUnknownName, kRefused, kLost };
base::Result<net::Address, SentinelErrc> read_primary(const Reply& reply, std::string_view sentinel,
                                                      const RedisOptions& options);

// Where the primary is, as a sentinel says: each is asked in turn, the one that knew last first,
// on a connection that stays. Loop only; the resolver outlives it.
class PrimarySearch {
 public:
  // `options` are those of the primary.
  PrimarySearch(net::Loop& loop, net::Resolver& resolver, const RedisOptions& options);
  PrimarySearch(const PrimarySearch&) = delete;
  PrimarySearch& operator=(const PrimarySearch&) = delete;
  ~PrimarySearch();

  // Later, with the address or with why no sentinel could tell; a new question takes the place of
  // one that is under way.
  using OnFound = base::Function<void(base::Result<net::Address, SentinelErrc>)>;
  void find(OnFound done);
  // No question is answered any more, and the connection is closed.
  void stop();
  // What it said last was wrong: the next question goes to another one.
  void distrust();

 private:
  class Link;

  void ask();
  void open_next();
  void answered(base::Result<net::Address, SentinelErrc> answer);
  void failed(std::string why);
  void finish(base::Result<net::Address, SentinelErrc> answer);

  const SentinelOptions& sentinel_;
  RedisOptions options_;     // of the sentinel that is asked
  std::size_t current_ = 0;  // among the servers
  std::size_t tries_left_ = 0;
  std::string why_;
  OnFound done_;
  std::unique_ptr<Link> link_;
};

}  // namespace mr::cluster::redis
