#include "config/redis_url.h"

#include <utility>

#include "config/schema.h"
#include "config/server_address.h"

namespace mr::config {
namespace {

using Failure = base::Error<RedisUrlErrc>;

constexpr std::string_view kForm = "; write redis://user:password@host:port/db";

std::optional<Failure> scheme_problem(const std::string& scheme) {
  if (scheme.empty() || scheme == "redis" || scheme == "rediss") return std::nullopt;
  return Failure{RedisUrlErrc::kScheme,
                 "must begin with redis:// or rediss://, or have no :// at all; write "
                 "redis://user:password@host:port/db or host:port"};
}

Failure failure_of(const base::Error<AddressErrc>& error) {
  switch (error.code) {
    case AddressErrc::kLogin:
      return {RedisUrlErrc::kLogin, error.detail};
    case AddressErrc::kHost:
      return {RedisUrlErrc::kHost, error.detail + std::string(kForm)};
    case AddressErrc::kPort:
      break;
  }
  return {RedisUrlErrc::kPort, error.detail};
}

}  // namespace

base::Result<std::vector<UrlPart>, RedisUrlErrc> read_redis_url(std::string_view url) {
  auto read = read_server_address(url);
  if (!read.ok()) return failure_of(read.error());
  ServerAddress& address = read.value();
  if (auto problem = scheme_problem(address.scheme)) return std::move(*problem);
  std::vector<UrlPart> parts;
  if (!address.scheme.empty()) {
    parts.push_back({"database.redis.tls.enabled", Value(address.scheme == "rediss")});
  }
  if (const auto& login = address.login) {
    if (!login->first.empty()) parts.push_back({"database.redis.username", login->first});
    if (!login->second.value_or("").empty()) {
      parts.push_back({"database.redis.password", *login->second});
    }
  }
  if (!address.path.empty()) {
    auto db = value_for("database.redis.db", address.path);
    if (!db) {
      return Failure{RedisUrlErrc::kDb,
                     "behind its host only / and the number of a database may stand, 0 to 65535"};
    }
    parts.push_back({"database.redis.db", std::move(*db)});
  }
  parts.push_back({"database.redis.host", address.host});
  if (address.port) {
    // Two steps: g++ 12 takes the one for a use of what is not initialized.
    parts.push_back({"database.redis.port", {}});
    parts.back().value = std::int64_t{*address.port};
  }
  return parts;
}

}  // namespace mr::config
