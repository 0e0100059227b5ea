#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "net/types.h"
#include "tls/options.h"

namespace mr::tls {
class ClientContext;
}

namespace mr::cluster::redis {

// Sentinels, of which any names the primary.
struct SentinelOptions {
  std::vector<net::Address> servers{};  // empty: no Sentinel
  std::string primary = "mymaster";     // as they call it
  std::string username{};               // of an ACL user of theirs
  std::string password{};               // empty: none
  bool has_tls = false;                 // they are spoken to as RedisOptions::tls says
  // A primary that stands is asked for again, as it may have moved.
  base::Duration check = std::chrono::milliseconds(500);
};

// Which keys say where a server is, and how it is signed in to.
enum class AddressSource : std::uint8_t {
  kSettings,      // database.redis.host and database.redis.port
  kNodes,         // it is of a Redis Cluster: adapter.cluster.nodes
  kSentinelList,  // it is a sentinel: database.redis.sentinels
};

// Where a Redis is and how it is spoken to.
struct RedisOptions {
  AddressSource address_source = AddressSource::kSettings;
  std::string host = "127.0.0.1";  // a name is looked up again for each connection
  std::uint16_t port = 6379;
  std::string username{};     // of an ACL user; empty: the default user
  std::string password{};     // empty: none
  std::uint32_t db = 0;       // also in the names of channels: pub/sub itself knows no databases
  std::string client_name{};  // as CLIENT LIST shows it; no spaces; empty: none
  std::string prefix = "millrace";
  std::vector<net::Address> cluster_nodes{};  // of a Redis Cluster; any of them tells of all
  std::uint32_t partitions = 1024;            // bus partitions, spread over its slots
  tls::ClientOptions tls{};                   // of all servers but sentinels
  std::shared_ptr<const tls::ClientContext> tls_context{};  // made of `tls` where any has TLS
  SentinelOptions sentinel{};  // with servers: host and port are theirs to say
  // For an address to answer, from the first packet to the answer of the first PING.
  base::Duration connect_timeout = std::chrono::seconds(1);
  // A connection on which nothing was heard for so long is closed; asked after half of it.
  base::Duration silence = std::chrono::seconds(2);
  // Between two tries; doubled from the first to the second, jittered.
  base::Duration retry_min = std::chrono::milliseconds(50);
  base::Duration retry_max = std::chrono::milliseconds(500);
  // Of commands that are not written or not answered, per connection.
  std::size_t queue_bytes_max = 16 << 20;
};

inline constexpr std::size_t kPrefixBytesMax = 128;

// A prefix that cannot be in names and in the patterns of an ACL is told with what is wrong.
// Nothing: it is good.
inline std::optional<std::string> prefix_problem(std::string_view prefix) {
  const auto is_bad = [](unsigned char c) {
    return c <= 0x20 || c >= 0x7f ||
           std::string_view("*?[]\\").find(static_cast<char>(c)) != std::string_view::npos;
  };
  const bool is_good = !prefix.empty() && prefix.size() <= kPrefixBytesMax &&
                       std::none_of(prefix.begin(), prefix.end(), is_bad);
  if (is_good) return std::nullopt;
  std::string shown(prefix.substr(0, kPrefixBytesMax));
  std::replace_if(
      shown.begin(), shown.end(), [](unsigned char c) { return c < 0x20 || c >= 0x7f; }, '?');
  return "the prefix \"" + shown + "\" cannot be in the names of keys and channels: take 1 to " +
         std::to_string(kPrefixBytesMax) +
         " visible ASCII characters without spaces and without * ? [ ] \\";
}

}  // namespace mr::cluster::redis
