#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace mr::cluster::nats {

// "{prefix}_{what}": what the names of buckets do not allow, as -XX.
std::string bucket_name(std::string_view prefix, std::string_view what);

// A record's key in its bucket, of letters, digits, _ and =: other bytes as =XX, no bytes as "=".
// One that is too long for a subject of NATS is "==" and the name's SHA-256. No two names have the
// same.
std::string record_key(std::string_view name);
// Nothing: the key holds but a hash, or record_key() makes no such key.
std::optional<std::string> record_name(std::string_view key);

}  // namespace mr::cluster::nats
