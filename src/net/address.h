#pragma once

#include <sys/socket.h>

#include <optional>
#include <string>

#include "base/result.h"
#include "net/loop.h"

namespace mr::net {

// An address as the kernel takes it.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = sizeof(sockaddr_storage);

  const sockaddr* raw() const { return reinterpret_cast<const sockaddr*>(&storage); }
  sockaddr* raw() { return reinterpret_cast<sockaddr*>(&storage); }
  int family() const { return storage.ss_family; }
};

// Numeric IPv4 or IPv6, with or without a scope ("fe80::1%eth0"). Never asks DNS.
base::Result<SocketAddress, NetErrc> to_socket_address(const Address& address);
// IPv4 comes out mapped into IPv6; other families give zeros.
PeerAddress to_peer_address(const SocketAddress& address);
// Nothing when the text is not a numeric address.
std::optional<PeerAddress> parse_peer_address(const Address& address);
std::uint16_t local_port(int socket);

// "127.0.0.1:6001", "[::1]:6001".
std::string to_text(const Address& address);
// The error for `call` on `address` with this errno, with a remedy.
base::Error<NetErrc> system_error(const char* call, const Address& address, int error);

}  // namespace mr::net
