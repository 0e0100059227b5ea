#include "net/address.h"

#include <netdb.h>
#include <netinet/in.h>

#include <cerrno>
#include <cstring>
#include <system_error>

namespace mr::net {

base::Result<SocketAddress, NetErrc> to_socket_address(const Address& address) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const std::string port = std::to_string(address.port);
  // An empty host would mean the loopback to getaddrinfo.
  if (address.host.empty() ||
      getaddrinfo(address.host.c_str(), port.c_str(), &hints, &found) != 0) {
    return base::Error<NetErrc>{NetErrc::kBadAddress,
                                "\"" + address.host +
                                    "\" is not a numeric address; give one like 127.0.0.1, "
                                    "0.0.0.0, ::1 or ::"};
  }
  SocketAddress out;
  std::memcpy(&out.storage, found->ai_addr, found->ai_addrlen);
  out.length = found->ai_addrlen;
  freeaddrinfo(found);
  return out;
}

PeerAddress to_peer_address(const SocketAddress& address) {
  PeerAddress peer;
  if (address.family() == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address.storage, sizeof v4);
    peer.ip[10] = peer.ip[11] = 0xff;
    std::memcpy(peer.ip.data() + 12, &v4.sin_addr, 4);
    peer.port = ntohs(v4.sin_port);
  } else if (address.family() == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &address.storage, sizeof v6);
    std::memcpy(peer.ip.data(), &v6.sin6_addr, 16);
    peer.port = ntohs(v6.sin6_port);
  }
  return peer;
}

std::optional<PeerAddress> parse_peer_address(const Address& address) {
  auto raw = to_socket_address(address);
  if (!raw) return std::nullopt;
  return to_peer_address(raw.value());
}

std::uint16_t local_port(int socket) {
  SocketAddress own;
  if (getsockname(socket, own.raw(), &own.length) != 0) return 0;
  return to_peer_address(own).port;
}

std::string to_text(const Address& address) {
  const bool v6 = address.host.find(':') != std::string::npos;
  return (v6 ? "[" + address.host + "]" : address.host) + ":" + std::to_string(address.port);
}

base::Error<NetErrc> system_error(const char* call, const Address& address, int error) {
  const std::string where = std::string(call) + " " + to_text(address) + ": ";
  switch (error) {
    case EADDRINUSE:
      return {NetErrc::kAddressInUse,
              where + "the port is in use; stop the process that has it or choose another port"};
    case EADDRNOTAVAIL:
    case EAFNOSUPPORT:
      return {NetErrc::kBadAddress,
              where + "this machine does not have that address; use one of its own or 0.0.0.0"};
    case EACCES:
    case EPERM:
      return {NetErrc::kNoPermission,
              where + "not permitted; choose a port from 1024 up or give CAP_NET_BIND_SERVICE"};
    default:
      return {NetErrc::kSystem, where + std::generic_category().message(error)};
  }
}

}  // namespace mr::net
