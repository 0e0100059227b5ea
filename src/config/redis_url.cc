#include "config/redis_url.h"

#include <algorithm>
#include <string>

#include "base/percent.h"
#include "config/schema.h"

namespace mr::config {
namespace {

using Failure = base::Error<RedisUrlErrc>;
using base::Done;

using Step = base::Result<Done, RedisUrlErrc>;

// One URL, cut from its ends to its middle.
class Reading {
 public:
  explicit Reading(std::string_view url) : rest_(url) {}

  base::Result<std::vector<UrlPart>, RedisUrlErrc> run() {
    for (const auto step : {&Reading::scheme, &Reading::login, &Reading::db, &Reading::place}) {
      if (auto done = (this->*step)(); !done.ok()) return done.error();
    }
    return std::move(parts_);
  }

 private:
  Step scheme() {
    const std::size_t end = rest_.find("://");
    if (end == rest_.npos) return Done{};
    std::string name(rest_.substr(0, end));
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; });
    if (name == "rediss") {
      return Failure{RedisUrlErrc::kTls,
                     "rediss:// asks for TLS, which this version does not have towards Redis yet; "
                     "write redis:// and keep the network between them private"};
    }
    if (name != "redis") {
      return Failure{RedisUrlErrc::kScheme,
                     "must begin with redis://, or have no :// at all; write "
                     "redis://user:password@host:port/db or host:port"};
    }
    rest_.remove_prefix(end + 3);
    return Done{};
  }

  Step login() {
    // The last one: people write passwords with an @ in them.
    const std::size_t end = rest_.rfind('@');
    if (end == rest_.npos) return Done{};
    const std::string_view login = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    const std::size_t colon = std::min(login.find(':'), login.size());
    const auto user = base::percent_decode(login.substr(0, colon));
    const auto password = base::percent_decode(login.substr(std::min(colon + 1, login.size())));
    if (!user || !password) {
      return Failure{RedisUrlErrc::kLogin,
                     "a % in its user or password must be followed by two hexadecimal digits; "
                     "write %25 for % itself"};
    }
    if (!user->empty()) parts_.push_back({"database.redis.username", *user});
    if (!password->empty()) parts_.push_back({"database.redis.password", *password});
    return Done{};
  }

  Step db() {
    const std::size_t slash = rest_.find('/');
    if (slash == rest_.npos) return Done{};
    const std::string_view db = rest_.substr(slash + 1);
    rest_ = rest_.substr(0, slash);
    if (db.empty() || add("database.redis.db", db)) return Done{};
    return Failure{RedisUrlErrc::kDb,
                   "behind its host only / and the number of a database may stand, 0 to 65535"};
  }

  Step place() {
    const std::size_t closing = rest_.rfind(']');
    const std::size_t colon = rest_.find(':', closing == rest_.npos ? 0 : closing);
    if (!add("database.redis.host", rest_.substr(0, colon))) {
      return Failure{RedisUrlErrc::kHost,
                     "its host must be a name or a numeric address, an IPv6 address in brackets; "
                     "write redis://user:password@host:port/db"};
    }
    if (colon == rest_.npos || add("database.redis.port", rest_.substr(colon + 1))) return Done{};
    return Failure{RedisUrlErrc::kPort,
                   "its port must be a number from 1 to 65535, and an IPv6 address in brackets"};
  }

  bool add(std::string_view path, std::string_view text) {
    Node node;
    node.kind = Node::Kind::kScalar;
    node.text = text;
    auto value = read_value(*find_key(path), node);
    if (value.ok()) parts_.push_back({path, std::move(value).value()});
    return value.ok();
  }

  std::string_view rest_;
  std::vector<UrlPart> parts_;
};

}  // namespace

base::Result<std::vector<UrlPart>, RedisUrlErrc> read_redis_url(std::string_view url) {
  return Reading(url).run();
}

}  // namespace mr::config
