#include "conformance/socket_transport.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "crypto/encoding.h"
#include "ws/handshake.h"

namespace mr::conformance {
namespace {

using base::Error;
using std::chrono::milliseconds;

constexpr milliseconds kSendPatience{30'000};
constexpr milliseconds kHandshakePatience{10'000};
constexpr std::size_t kReadBytes = 256 * 1024;

std::string random_key(base::Random& random) {
  std::array<char, 16> bytes;
  random.fill(std::as_writable_bytes(std::span(bytes)));
  return crypto::base64_encode({bytes.data(), bytes.size()});
}

// The events that happened; 0 after `patience`.
short wait_for(int fd, short events, milliseconds patience) {
  pollfd entry{fd, events, 0};
  int ready = 0;
  do {
    ready = ::poll(&entry, 1, static_cast<int>(patience.count()));
  } while (ready < 0 && errno == EINTR);
  return ready > 0 ? entry.revents : short{0};
}

// The value of a header (name in lower case) in the head of a response.
std::string header_of(std::string_view head, std::string_view name) {
  std::size_t at = head.find("\r\n");
  while (at != std::string_view::npos) {
    at += 2;
    const std::size_t end = std::min(head.find("\r\n", at), head.size());
    std::string line(head.substr(at, end - at));
    const std::size_t colon = line.find(':');
    if (colon == name.size()) {
      std::string lower = line.substr(0, colon);
      for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
      const std::size_t value = line.find_first_not_of(" \t", colon + 1);
      if (lower == name && value != std::string::npos) return line.substr(value);
    }
    at = head.find("\r\n", at);
  }
  return {};
}

int connect_any(const addrinfo* addresses) {
  for (const addrinfo* a = addresses; a != nullptr; a = a->ai_next) {
    const int fd = ::socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
    if (fd < 0) continue;
    if (::connect(fd, a->ai_addr, a->ai_addrlen) == 0) {
      const int on = 1;
      ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
      return fd;
    }
    ::close(fd);
  }
  return -1;
}

}  // namespace

base::Result<std::unique_ptr<SocketTransport>, ConnectErrc> SocketTransport::connect(
    const Target& target, base::Random& random) {
  const std::string port = std::to_string(target.port);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* addresses = nullptr;
  if (const int rc = ::getaddrinfo(target.host.c_str(), port.c_str(), &hints, &addresses)) {
    return Error<ConnectErrc>{ConnectErrc::kResolve, target.host + ": " + ::gai_strerror(rc)};
  }
  const int fd = connect_any(addresses);
  const int error = errno;
  ::freeaddrinfo(addresses);
  if (fd < 0) {
    return Error<ConnectErrc>{
        ConnectErrc::kConnect,
        target.host + " port " + port + ": " + std::strerror(error) + "; is the server running?"};
  }
  std::unique_ptr<SocketTransport> transport(new SocketTransport(fd));
  if (auto done = transport->handshake(target, random); !done) return done.error();
  return transport;
}

SocketTransport::~SocketTransport() { ::close(fd_); }

base::Result<base::Done, ConnectErrc> SocketTransport::handshake(const Target& target,
                                                                 base::Random& random) {
  const std::string key = random_key(random);
  const std::string host = target.host + ":" + std::to_string(target.port);
  send(ws::client_handshake(host, target.path, key));
  std::string response;
  std::size_t end = std::string::npos;
  while (end == std::string::npos) {
    if (receive(response, kHandshakePatience) != Got::kBytes) {
      return Error<ConnectErrc>{ConnectErrc::kHandshake, "no complete answer to the handshake"};
    }
    end = response.find("\r\n\r\n");
  }
  const std::string head = response.substr(0, end);
  if (!head.starts_with("HTTP/1.1 101 ")) {
    return Error<ConnectErrc>{ConnectErrc::kHandshake,
                              "the answer is '" + head.substr(0, head.find("\r\n")) +
                                  "', expected 101; does the server have an echo at " +
                                  target.path + "?"};
  }
  if (!ws::check_accept(key, header_of(head, "sec-websocket-accept"))) {
    return Error<ConnectErrc>{ConnectErrc::kHandshake, "Sec-WebSocket-Accept is wrong"};
  }
  received_ = response.substr(end + 4);
  return base::Done{};
}

bool SocketTransport::send(std::string_view bytes) {
  while (!bytes.empty() && !ended_) {
    const short ready = wait_for(fd_, POLLIN | POLLOUT, kSendPatience);
    if (ready == 0) return false;
    if (ready & POLLIN) read_available();
    if (!(ready & POLLOUT)) continue;
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno != EAGAIN && errno != EINTR) {
      return false;
    }
  }
  return bytes.empty();
}

Got SocketTransport::receive(std::string& into, milliseconds patience) {
  if (received_.empty() && !ended_) {
    if (wait_for(fd_, POLLIN, patience) == 0) return Got::kQuiet;
    read_available();
  }
  if (received_.empty()) return ended_ ? Got::kClosed : Got::kQuiet;
  into += std::exchange(received_, {});
  return Got::kBytes;
}

// What has come, once; a reset counts as the end of the stream.
void SocketTransport::read_available() {
  const std::size_t before = received_.size();
  received_.resize(before + kReadBytes);
  const ssize_t got = ::recv(fd_, received_.data() + before, kReadBytes, MSG_DONTWAIT);
  received_.resize(before + (got > 0 ? static_cast<std::size_t>(got) : 0));
  if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) ended_ = true;
}

}  // namespace mr::conformance
