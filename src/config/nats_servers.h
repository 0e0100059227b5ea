#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace mr::config {

enum class NatsServersErrc : std::uint8_t { kScheme, kLogin, kHost, kPort, kPath };

// What `adapter.nats.servers` says. All servers of a cluster have the same login.
struct NatsServers {
  std::vector<std::string> addresses;  // "host:port", "[::1]:4222"
  std::string username;                // with a password; else empty
  std::string password;
  std::string token;
  bool is_tls = false;  // one of them asks for it, so all have it
};

// Each of them nats://[user:password@]host[:port] or nats://[token@]host[:port], percent-encoding
// in the login, IPv6 in brackets; also without nats://. With tls:// for TLS, which none of the
// others may contradict by nats://. The detail of an error says what is wrong and repeats nothing
// of it: any piece may belong to a password.
base::Result<NatsServers, NatsServersErrc> read_nats_servers(const std::vector<std::string>& given);

}  // namespace mr::config
