#include "cluster/redis/server_facts.h"

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace mr::cluster::redis {
namespace {

// The value of a line "name:value" of INFO.
std::string_view fact(std::string_view facts, std::string_view name) {
  for (std::size_t at = 0; at < facts.size();) {
    const std::size_t end = std::min(facts.find("\r\n", at), facts.size());
    const std::string_view line = facts.substr(at, end - at);
    if (line.starts_with(name) && line.substr(name.size()).starts_with(":")) {
      return line.substr(name.size() + 1);
    }
    at = end + 2;
  }
  return {};
}

}  // namespace

// A run id is 40 random hexadecimal digits.
StoreLife life_of(std::string_view facts) {
  std::uint64_t number = 0;
  const std::string_view front = fact(facts, "run_id").substr(0, 16);
  const auto end = std::from_chars(front.data(), front.data() + front.size(), number, 16).ptr;
  if (front.size() != 16 || end != front.data() + front.size()) return StoreLife::kNone;
  return static_cast<StoreLife>(std::max<std::uint64_t>(number, 1));
}

std::optional<std::string> eviction_problem(std::string_view where, std::string_view facts) {
  const std::string_view policy = fact(facts, "maxmemory_policy");
  if (!policy.starts_with("allkeys-")) return std::nullopt;
  return std::string(where) + " has maxmemory-policy " + std::string(policy) +
         ": when it is full it drops leases, registrations and quotas of this cluster, unseen; "
         "set noeviction or volatile-ttl there";
}

}  // namespace mr::cluster::redis
