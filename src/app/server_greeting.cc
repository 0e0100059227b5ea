#include "app/server_greeting.h"

#include <netdb.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstddef>

namespace mr::app {
namespace {

constexpr std::size_t kLineMax = 64 << 10;

std::string read_line(int socket) {
  std::string line;
  char chunk[4096];
  while (line.size() < kLineMax) {
    const ssize_t count = recv(socket, chunk, sizeof chunk, 0);
    if (count <= 0) return {};
    line.append(chunk, static_cast<std::size_t>(count));
    if (const std::size_t end = line.find('\n'); end != std::string::npos)
      return line.substr(0, end);
  }
  return {};
}

}  // namespace

std::string server_greeting(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  if (colon == std::string::npos) return {};
  std::string host = address.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(host.c_str(), address.substr(colon + 1).c_str(), &hints, &found) != 0) return {};
  std::string line;
  for (const addrinfo* at = found; at != nullptr && line.empty(); at = at->ai_next) {
    const int socket = ::socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, at->ai_protocol);
    if (socket < 0) continue;
    const timeval second{1, 0};
    setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof second);
    setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &second, sizeof second);  // of connect() too
    if (connect(socket, at->ai_addr, at->ai_addrlen) == 0) line = read_line(socket);
    close(socket);
  }
  freeaddrinfo(found);
  return line;
}

}  // namespace mr::app
