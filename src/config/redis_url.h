#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/value.h"

namespace mr::config {

enum class RedisUrlErrc : std::uint8_t { kScheme, kLogin, kHost, kPort, kDb };

// A key and what the URL says of it.
struct UrlPart {
  std::string_view path;  // "database.redis.host"
  Value value;
};

// redis://[user[:password]@]host[:port][/db], percent-encoding in user and password, IPv6 in
// brackets; rediss:// asks for TLS and redis:// for none, without either the URL says nothing of
// it. What the URL leaves out is no part. The detail of an error says
// what is wrong with it and repeats nothing of it: any piece may belong to a password.
base::Result<std::vector<UrlPart>, RedisUrlErrc> read_redis_url(std::string_view url);

}  // namespace mr::config
