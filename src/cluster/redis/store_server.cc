#include "cluster/redis/store_server.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "cluster/redis/error_text.h"
#include "cluster/redis/server_facts.h"

namespace mr::cluster::redis {
StoreServer::StoreServer(net::Loop& loop, net::Resolver& resolver, RedisOptions options,
                         OnWarning on_warning)
    : loop_(loop),
      options_(std::move(options)),
      on_warning_(std::move(on_warning)),
      connection_(loop, resolver, options_, *this),
      problem_("there is no connection to Redis yet") {}

void StoreServer::start() {
  if (std::exchange(is_started_, true)) return;
  wait_ = options_.retry_min;
  connection_.open();
}

void StoreServer::stop() {
  is_started_ = false;
  *std::exchange(lease_, std::make_shared<bool>(true)) = false;
  life_ = StoreLife::kNone;
  if (retry_ != net::TimerId::kNone) loop_.cancel(std::exchange(retry_, net::TimerId::kNone));
  connection_.close();
}

bool StoreServer::command(std::string_view, std::span<const std::string_view> args,
                          OnReply on_reply) {
  if (!is_ready()) return false;
  return connection_.command(args, [life = life_, lease = lease_,
                                    on_reply = std::move(on_reply)](const Reply& reply) mutable {
    if (*lease) on_reply(reply, life);
  });
}

void StoreServer::on_ready() {
  opened_at_ = loop_.clock().now();
  ask("server", [this](const std::string& facts) { learn_life(facts); });
  ask("memory", [this](const std::string& facts) { judge_memory(facts); });
}

void StoreServer::ask(std::string_view section, base::Function<void(const std::string&)> take) {
  const std::array<std::string_view, 2> args{"INFO", section};
  connection_.command(args, [this, take = std::move(take)](const Reply& reply) mutable {
    if (reply.kind == Reply::Kind::kText) return take(reply.text);
    if (reply.is_error()) lose(explain(where({}), "INFO", reply.text, options_));
  });
}

void StoreServer::learn_life(const std::string& facts) {
  life_ = life_of(facts);
  if (!is_ready()) return lose(where({}) + " tells no run_id with INFO: is that a Redis?");
  problem_.clear();
}

void StoreServer::judge_memory(const std::string& facts) {
  if (const auto problem = eviction_problem(where({}), facts)) on_warning_(*problem);
}

void StoreServer::lose(const std::string& why) {
  if (!is_started_) return;
  connection_.close();
  problem_ = why;
  const bool was_ready = std::exchange(life_, StoreLife::kNone) != StoreLife::kNone;
  // One that is lost as soon as it is open is tried more and more seldom.
  if (was_ready && loop_.clock().now() - opened_at_ > options_.retry_max) {
    wait_ = options_.retry_min;
  }
  if (retry_ != net::TimerId::kNone) return;
  const auto half = static_cast<std::uint64_t>((wait_ / 2).count());
  const base::Duration delay = wait_ / 2 + base::Duration(loop_.random().below(half + 1));
  wait_ = std::min(wait_ * 2, options_.retry_max);
  retry_ = loop_.after(delay, [this] {
    retry_ = net::TimerId::kNone;
    connection_.open();
  });
}

}  // namespace mr::cluster::redis
