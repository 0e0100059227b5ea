#include "cluster/redis/primary_search.h"

#include <array>
#include <charconv>
#include <utility>

#include "cluster/redis/connection.h"
#include "cluster/redis/error_text.h"
#include "cluster/redis/reply.h"

namespace mr::cluster::redis {
namespace {

using Answer = base::Result<net::Address, SentinelErrc>;
using Failure = base::Error<SentinelErrc>;

constexpr std::size_t kHostBytesMax = 255;

RedisOptions options_of_sentinel(const RedisOptions& options) {
  RedisOptions own = options;
  own.address_source = AddressSource::kSentinelList;
  own.sentinel = {};
  own.tls.is_on = options.sentinel.has_tls;
  own.username = options.sentinel.username;
  own.password = options.sentinel.password;
  own.db = 0;
  // Another one may know.
  own.connect_timeout = options.connect_timeout / 2;
  own.silence = options.silence / 2;
  return own;
}

}  // namespace

Answer read_primary(const Reply& reply, std::string_view sentinel, const RedisOptions& options) {
  const std::string who = "Sentinel at " + std::string(sentinel);
  if (reply.is_error()) {
    return Failure{SentinelErrc::kRefused, explain(who, "SENTINEL", reply.text, options)};
  }
  if (reply.kind == Reply::Kind::kLost) return Failure{SentinelErrc::kLost, reply.text};
  if (reply.kind == Reply::Kind::kNil) {
    return Failure{SentinelErrc::kUnknownName,
                   who + " watches no primary of that name: correct database.redis.name"};
  }
  net::Address address;
  if (reply.elements.size() == 2) {
    address.host = reply.elements[0].text;
    const std::string& port = reply.elements[1].text;
    const char* const end = port.data() + port.size();
    const auto [stopped, error] = std::from_chars(port.data(), end, address.port);
    if (error != std::errc{} || stopped != end) address.port = 0;
  }
  if (address.host.empty() || address.host.size() > kHostBytesMax || address.port == 0) {
    return Failure{SentinelErrc::kRefused, who +
                                               " named no address of a primary; is it a "
                                               "sentinel? Correct database.redis.sentinels"};
  }
  return address;
}

class PrimarySearch::Link final : public ConnectionEvents {
 public:
  Link(PrimarySearch& search, net::Loop& loop, net::Resolver& resolver)
      : search_(search), connection(loop, resolver, search.options_, *this) {}
  void on_ready() override { search_.ask(); }
  void on_push(const Reply&) override {}
  void on_closed(std::string_view why) override { search_.failed(std::string(why)); }

 private:
  PrimarySearch& search_;

 public:
  Connection connection;
};

PrimarySearch::PrimarySearch(net::Loop& loop, net::Resolver& resolver, const RedisOptions& options)
    : sentinel_(options.sentinel),
      options_(options_of_sentinel(options)),
      link_(std::make_unique<Link>(*this, loop, resolver)) {}

PrimarySearch::~PrimarySearch() { stop(); }

void PrimarySearch::stop() {
  done_ = {};
  link_->connection.close();
}

void PrimarySearch::find(OnFound done) {
  const bool is_under_way = static_cast<bool>(done_);
  done_ = std::move(done);
  if (is_under_way) return;
  tries_left_ = sentinel_.servers.size();
  if (link_->connection.is_ready()) return ask();
  open_next();
}

void PrimarySearch::open_next() {
  const net::Address& server = sentinel_.servers[current_];
  options_.host = server.host;
  options_.port = server.port;
  link_->connection.open();
}

void PrimarySearch::ask() {
  const std::array<std::string_view, 3> question{"SENTINEL", "GET-MASTER-ADDR-BY-NAME",
                                                 sentinel_.primary};
  const bool is_taken = link_->connection.command(question, [this](const Reply& reply) {
    // A loss is told by the connection too.
    if (reply.kind == Reply::Kind::kLost) return;
    answered(read_primary(reply, link_->connection.where(), options_));
  });
  if (is_taken) link_->connection.flush();
}

void PrimarySearch::answered(Answer answer) {
  if (answer.ok()) return finish(std::move(answer));
  link_->connection.close();
  failed(answer.error().detail);
}

void PrimarySearch::failed(std::string why) {
  current_ = (current_ + 1) % sentinel_.servers.size();
  if (!done_) return;
  why_ = std::move(why);
  if (--tries_left_ > 0) return open_next();
  finish(Failure{SentinelErrc::kLost, "no sentinel names a primary; the last one asked: " + why_});
}

void PrimarySearch::finish(Answer answer) {
  OnFound done = std::exchange(done_, {});
  if (done) done(std::move(answer));
}

void PrimarySearch::distrust() {
  stop();
  current_ = (current_ + 1) % sentinel_.servers.size();
}

}  // namespace mr::cluster::redis
