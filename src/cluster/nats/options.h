#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "tls/options.h"

namespace mr::cluster::nats {

// Where a NATS is and how it is spoken to.
struct NatsOptions {
  std::vector<std::string> servers = {"127.0.0.1:4222"};  // of one NATS cluster; one is enough
  std::string username{};                                 // with a password; empty: none
  std::string password{};
  std::string token{};        // instead of both; empty: none
  std::string client_name{};  // as the server's /connz shows it; empty: none
  std::string prefix = "millrace";
  tls::ClientOptions tls{};
  base::Duration connect_timeout = std::chrono::seconds(1);  // of each server
  // A connection on which nothing was heard for so long is closed; asked after half of it.
  base::Duration silence = std::chrono::seconds(2);
  base::Duration retry = std::chrono::milliseconds(250);  // between two tries to connect
  // Of envelopes that are not handed to the connection, per loop.
  std::size_t queue_bytes_max = 16 << 20;
};

inline constexpr std::size_t kPrefixBytesMax = 128;

// A prefix that cannot begin the names of subjects is told with what is wrong. Nothing: it is good.
inline std::optional<std::string> prefix_problem(std::string_view prefix) {
  const auto is_bad = [](unsigned char c) {
    return c <= 0x20 || c >= 0x7f || c == '*' || c == '>';
  };
  const bool is_good = !prefix.empty() && prefix.size() <= kPrefixBytesMax &&
                       std::none_of(prefix.begin(), prefix.end(), is_bad) &&
                       prefix.front() != '.' && prefix.back() != '.' && prefix.front() != '$' &&
                       prefix.find("..") == std::string_view::npos;
  if (is_good) return std::nullopt;
  std::string shown(prefix.substr(0, kPrefixBytesMax));
  std::replace_if(
      shown.begin(), shown.end(), [](unsigned char c) { return c < 0x20 || c >= 0x7f; }, '?');
  return "the prefix \"" + shown + "\" cannot begin the names of subjects: take 1 to " +
         std::to_string(kPrefixBytesMax) +
         " visible ASCII characters without spaces, * and >, no $ in front, and no point at an "
         "end or beside another point";
}

}  // namespace mr::cluster::nats
