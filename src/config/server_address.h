#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "config/value.h"

namespace mr::config {

enum class AddressErrc : std::uint8_t { kLogin, kHost, kPort };

// A server as people write it: [scheme://][first[:second]@]host[:port][/path]. Percent-encoding in
// the login, IPv6 in brackets.
struct ServerAddress {
  struct Login {
    std::string first;                  // user, or a token
    std::optional<std::string> second;  // what stands behind a colon
  };

  std::string scheme;  // in lower case; empty: none
  std::optional<Login> login;
  std::string host;
  std::optional<std::uint16_t> port;
  std::string path;  // behind the first slash
};

// The detail of an error says what is wrong with a text and repeats nothing of it: any piece may
// belong to a password.
base::Result<ServerAddress, AddressErrc> read_server_address(std::string_view text);

// "host:port", "[::1]:4222".
std::string to_text(const ServerAddress& address, std::uint16_t default_port);

// The value that the key of this path takes of a text; nothing: it does not take it.
std::optional<Value> value_for(std::string_view path, std::string_view text);

}  // namespace mr::config
