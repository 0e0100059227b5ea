#include "net/acceptor.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "net/address.h"

namespace mr::net {
namespace {

constexpr int kAcceptsPerIteration = 64;
// A peer that acknowledges nothing for so long is gone; the kernel's default is 15 minutes.
constexpr int kUserTimeoutMs = 30'000;

int open_reserve() { return ::open("/dev/null", O_RDONLY | O_CLOEXEC); }

void set(int socket, int level, int name, int value) {
  // All of these exist on every kernel that runs this program; none is vital.
  [[maybe_unused]] const int ignored = setsockopt(socket, level, name, &value, sizeof value);
}

// Accepted sockets inherit these from the listener: no call per connection.
void set_inherited(int socket, const ListenOptions& options) {
  set(socket, IPPROTO_TCP, TCP_NODELAY, 1);
  set(socket, IPPROTO_TCP, TCP_NOTSENT_LOWAT, static_cast<int>(options.notsent_lowat_bytes));
  set(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, kUserTimeoutMs);
}

}  // namespace

Acceptor::Acceptor(int epoll, LoopStats& stats)
    : epoll_(epoll), stats_(stats), reserve_(open_reserve()) {}

Acceptor::~Acceptor() {
  for (const Listener& listener : listeners_) ::close(listener.socket);
  if (reserve_ >= 0) ::close(reserve_);
}

base::Result<ListenerHandle, NetErrc> Acceptor::listen(const ListenOptions& options,
                                                       AcceptEvents& events) {
  auto address = to_socket_address(options.address);
  if (!address) return address.error();
  const SocketAddress& raw = address.value();
  const int socket = ::socket(raw.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (socket < 0) return system_error("socket", options.address, errno);
  set(socket, SOL_SOCKET, SO_REUSEADDR, 1);
  if (options.reuse_port) set(socket, SOL_SOCKET, SO_REUSEPORT, 1);
  // "::" takes IPv4 as well, whatever the system's default is.
  if (raw.family() == AF_INET6) set(socket, IPPROTO_IPV6, IPV6_V6ONLY, 0);
  set_inherited(socket, options);
  if (::bind(socket, raw.raw(), raw.length) != 0 || ::listen(socket, options.backlog) != 0) {
    const int error = errno;
    ::close(socket);
    return system_error("listen on", options.address, error);
  }
  epoll_event event{};
  event.events = paused_ ? 0U : std::uint32_t{EPOLLIN};
  event.data.u64 = kTag | static_cast<std::uint32_t>(socket);
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, socket, &event) != 0) {
    const int error = errno;
    ::close(socket);
    return system_error("watch listener", options.address, error);
  }
  listeners_.push_back({socket, &events});
  return static_cast<ListenerHandle>(socket);
}

std::uint16_t Acceptor::port(ListenerHandle listener) const {
  return local_port(static_cast<int>(listener));
}

void Acceptor::close(ListenerHandle listener) {
  const auto socket = static_cast<int>(listener);
  const auto erased = std::erase_if(listeners_, [=](auto& l) { return l.socket == socket; });
  MR_ASSERT(erased == 1, "close of an unknown listener");
  ::close(socket);
}

const Acceptor::Listener* Acceptor::find(int socket) const {
  for (const Listener& listener : listeners_) {
    if (listener.socket == socket) return &listener;
  }
  return nullptr;
}

bool Acceptor::accept_ready(int listener) {
  for (int i = 0; i < kAcceptsPerIteration; ++i) {
    // Looked up each time: on_accept may close the listener or open another.
    const Listener* found = find(listener);
    if (found == nullptr) return false;
    const Outcome outcome = accept_one(*found);
    if (outcome == Outcome::kDrained) return false;
    if (outcome == Outcome::kAgain) continue;
    if (paused_) return false;
    paused_ = true;
    stats_.accept_pauses.add(1);
    watch_all(0);
    return true;
  }
  return false;
}

Acceptor::Outcome Acceptor::accept_one(const Listener& listener) {
  SocketAddress peer;
  const int socket =
      ::accept4(listener.socket, peer.raw(), &peer.length, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (socket < 0) return on_error(listener.socket, errno);
  stats_.accepts.add(1);
  listener.events->on_accept(static_cast<SocketHandle>(socket), to_peer_address(peer));
  return Outcome::kAgain;
}

Acceptor::Outcome Acceptor::on_error(int listener, int error) {
  switch (error) {
    case EAGAIN:
      return Outcome::kDrained;
    case EINTR:
      return Outcome::kAgain;
    case EMFILE:
    case ENFILE: {
      // The whole backlog up to the budget is refused: the peers learn it now, not by a timeout.
      for (int i = 0; i < kAcceptsPerIteration; ++i) {
        if (refuse_one(listener) != Outcome::kAgain) break;
      }
      return Outcome::kPause;
    }
    case ENOMEM:
    case ENOBUFS:
      count(AcceptError::kNoMemory);
      return Outcome::kPause;
    case ECONNABORTED:
    case EPROTO:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case ENETUNREACH:
      count(AcceptError::kAborted);
      return Outcome::kAgain;
    default:
      count(AcceptError::kOther);
      return Outcome::kPause;
  }
}

Acceptor::Outcome Acceptor::refuse_one(int listener) {
  if (reserve_ >= 0) ::close(reserve_);
  reserve_ = -1;
  const int socket = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (socket >= 0) {
    ::close(socket);
    count(AcceptError::kDescriptorLimit);
  }
  reserve_ = open_reserve();
  return socket >= 0 && reserve_ >= 0 ? Outcome::kAgain : Outcome::kDrained;
}

void Acceptor::resume() {
  if (reserve_ < 0) reserve_ = open_reserve();
  paused_ = false;
  watch_all(EPOLLIN);
}

void Acceptor::watch_all(std::uint32_t events) {
  for (const Listener& listener : listeners_) {
    epoll_event event{};
    event.events = events;
    event.data.u64 = kTag | static_cast<std::uint32_t>(listener.socket);
    epoll_ctl(epoll_, EPOLL_CTL_MOD, listener.socket, &event);
  }
}

void Acceptor::count(AcceptError reason) {
  stats_.accept_errors[static_cast<std::size_t>(reason)].add(1);
}

}  // namespace mr::net
