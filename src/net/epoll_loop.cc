#include "net/epoll_loop.h"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "net/address.h"

namespace mr::net {
namespace {

constexpr int kEventsPerWait = 256;
constexpr std::size_t kReadBufferBytes = 64 * 1024;
constexpr std::size_t kIovecsMax = 512;
constexpr std::uint32_t kSocketEvents = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
constexpr std::uint64_t kWakeTag = std::uint64_t{2} << 32;
constexpr auto kAcceptPause = std::chrono::milliseconds(100);
constexpr int kUserTimeoutMs = 30'000;
// A timer that comes so late found the process stopped or starved.
constexpr base::Duration kLate = std::chrono::seconds(1);
// Looks at what waits in the sockets then: enough for 256 * 256 of them.
constexpr int kCatchUpWaits = 256;

// Stands in the table for a descriptor that waits for its closing.
class ClosedSocket final : public SocketEvents {
 public:
  void on_ready(Ready) override {}
};
ClosedSocket closed_socket;

Ready to_ready(std::uint32_t events) {
  Ready ready;
  ready.hangup = (events & (EPOLLHUP | EPOLLERR)) != 0;
  // On a hang-up the owner's next read says kClosed after what is still to be read.
  ready.readable = ready.hangup || (events & (EPOLLIN | EPOLLRDHUP)) != 0;
  ready.writable = (events & EPOLLOUT) != 0;
  ready.ended = ready.hangup || (events & EPOLLRDHUP) != 0;
  return ready;
}

void set_connected_options(int socket) {
  const int on = 1;
  setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &kUserTimeoutMs, sizeof kUserTimeoutMs);
}

bool is_retry(int error) { return error == EAGAIN || error == EWOULDBLOCK; }

}  // namespace

EpollLoop::EpollLoop()
    : epoll_(epoll_create1(EPOLL_CLOEXEC)),
      acceptor_(epoll_, stats_),
      read_buffer_(new std::byte[kReadBufferBytes]) {
  MR_ASSERT(epoll_ >= 0, "epoll_create1: out of descriptors at start; raise the limit (ulimit -n)");
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;
  event.data.u64 = kWakeTag;
  const int added = epoll_ctl(epoll_, EPOLL_CTL_ADD, mailbox_.descriptor(), &event);
  MR_ASSERT(added == 0, "epoll_ctl for the wake-up descriptor failed");
}

EpollLoop::~EpollLoop() {
  for (std::size_t fd = 0; fd < sockets_.size(); ++fd) {
    if (sockets_[fd] != nullptr && !is_closing(static_cast<int>(fd))) {
      ::close(static_cast<int>(fd));
    }
  }
  for (const int fd : closing_) ::close(fd);
  ::close(epoll_);
}

void EpollLoop::run() {
  owner_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  while (!stop_.load(std::memory_order_acquire)) iterate();
  stop_.store(false, std::memory_order_relaxed);
  owner_.store(std::thread::id{}, std::memory_order_relaxed);
}

void EpollLoop::stop() {
  stop_.store(true, std::memory_order_release);
  mailbox_.wake();
}

bool EpollLoop::is_current() const {
  const std::thread::id owner = owner_.load(std::memory_order_relaxed);
  return owner == std::this_thread::get_id() || owner == std::thread::id{};
}

void EpollLoop::iterate() {
  std::array<epoll_event, kEventsPerWait> events;
  const int count = epoll_wait(epoll_, events.data(), kEventsPerWait, poll_timeout_ms());
  const base::TimePoint started = clock_.now();
  mailbox_.woke_up();
  stats_.wakeups.add(1);
  dispatch_all(std::span(events).first(static_cast<std::size_t>(std::max(count, 0))));
  stats_.mailbox_tasks.add(mailbox_.run_batch());
  catch_up();
  stats_.timers_run.add(timers_.run_due(clock_.now()));
  finish_iteration();
  const auto spent = static_cast<std::uint64_t>((clock_.now() - started).count());
  stats_.iteration_sum_ns.add(spent);
  stats_.iteration_max_ns.raise_to(spent);
}

// A wait that was interrupted, or that had too many to tell, told nothing of these sockets: what
// their peers sent long ago is read before a timer calls them silent.
void EpollLoop::catch_up() {
  const auto deadline = timers_.next_deadline();
  if (!deadline || clock_.now() - *deadline < kLate) return;
  std::array<epoll_event, kEventsPerWait> events;
  for (int i = 0; i < kCatchUpWaits; ++i) {
    const int count = epoll_wait(epoll_, events.data(), kEventsPerWait, 0);
    dispatch_all(std::span(events).first(static_cast<std::size_t>(std::max(count, 0))));
    if (count < kEventsPerWait) return;
  }
}

void EpollLoop::dispatch_all(std::span<const epoll_event> events) {
  for (const epoll_event& event : events) dispatch(event.data.u64, event.events);
}

void EpollLoop::dispatch(std::uint64_t tag, std::uint32_t events) {
  const auto fd = static_cast<int>(tag & 0xffffffffU);
  if (tag == kWakeTag) return;
  if ((tag & Acceptor::kTag) != 0) {
    if (acceptor_.accept_ready(fd)) {
      after(kAcceptPause, [this] { acceptor_.resume(); });
    }
    return;
  }
  const auto index = static_cast<std::size_t>(fd);
  if (index < sockets_.size() && sockets_[index] != nullptr) {
    sockets_[index]->on_ready(to_ready(events));
  }
}

int EpollLoop::poll_timeout_ms() {
  if (has_more_ || !deferred_.empty() || !closing_.empty()) return 0;
  int timeout = -1;
  if (const auto deadline = timers_.next_deadline()) {
    const auto left = *deadline - clock_.now();
    if (left <= base::Duration::zero()) return 0;
    // Rounded up: waking a moment early would poll once in vain.
    const auto ms = std::chrono::ceil<std::chrono::milliseconds>(left).count();
    timeout = static_cast<int>(std::min<std::int64_t>(ms, 3'600'000));
  }
  return mailbox_.prepare_sleep() ? timeout : 0;
}

void EpollLoop::finish_iteration() {
  // Before the hook, which writes what these leave; what they or the hook defer runs at the end
  // of the next iteration, which does not wait.
  for (base::Task& task : std::exchange(deferred_, {})) task();
  has_more_ = iteration_end_ != nullptr && iteration_end_->on_iteration_end();
  for (const int fd : closing_) {
    ::close(fd);
    sockets_[static_cast<std::size_t>(fd)] = nullptr;
  }
  closing_.clear();
}

void EpollLoop::post(base::Task task, std::size_t bytes) { mailbox_.post(std::move(task), bytes); }

std::size_t EpollLoop::mailbox_bytes() const { return mailbox_.bytes(); }

TimerId EpollLoop::after(base::Duration delay, base::Task task) {
  MR_ASSERT(is_current(), "timer of another loop");
  return timers_.add(clock_.now() + delay, std::move(task));
}

bool EpollLoop::cancel(TimerId timer) {
  MR_ASSERT(is_current(), "timer of another loop");
  return timers_.cancel(timer);
}

void EpollLoop::defer(base::Task task) {
  MR_ASSERT(is_current(), "defer on another loop");
  deferred_.push_back(std::move(task));
}

void EpollLoop::set_iteration_end(IterationEnd* hook) { iteration_end_ = hook; }

base::Result<ListenerHandle, NetErrc> EpollLoop::listen(const ListenOptions& options,
                                                        AcceptEvents& events) {
  MR_ASSERT(is_current(), "listen on another loop");
  return acceptor_.listen(options, events);
}

std::uint16_t EpollLoop::listener_port(ListenerHandle listener) const {
  return acceptor_.port(listener);
}

void EpollLoop::close_listener(ListenerHandle listener) {
  MR_ASSERT(is_current(), "listener of another loop");
  acceptor_.close(listener);
}

base::Result<SocketHandle, NetErrc> EpollLoop::connect(const Address& address,
                                                       SocketEvents& events) {
  auto target = to_socket_address(address);
  if (!target) return target.error();
  const SocketAddress& raw = target.value();
  const int fd = ::socket(raw.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return system_error("socket for", address, errno);
  set_connected_options(fd);
  if (::connect(fd, raw.raw(), raw.length) != 0 && errno != EINPROGRESS) {
    const int error = errno;
    ::close(fd);
    return system_error("connect to", address, error);
  }
  const SocketHandle socket = adopt(fd);
  watch(socket, events);
  return socket;
}

SocketHandle EpollLoop::adopt(int descriptor) { return static_cast<SocketHandle>(descriptor); }

void EpollLoop::watch(SocketHandle socket, SocketEvents& events) {
  MR_ASSERT(is_current(), "watch on another loop");
  const auto fd = static_cast<int>(socket);
  const auto index = static_cast<std::size_t>(fd);
  if (index >= sockets_.size()) sockets_.resize(std::max(index + 1, sockets_.size() * 2));
  MR_ASSERT(!is_closing(fd), "watch of a closed socket");
  // Changing the registration makes epoll look again: what is ready is reported to the new owner.
  const int operation = sockets_[index] == nullptr ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
  sockets_[index] = &events;
  epoll_event event{};
  event.events = kSocketEvents;
  event.data.u64 = static_cast<std::uint32_t>(fd);
  if (epoll_ctl(epoll_, operation, fd, &event) == 0) return;
  // No memory or watches left (ENOMEM, ENOSPC): the owner sees a connection that broke.
  ::shutdown(fd, SHUT_RDWR);
  defer([this, socket, target = &events] {
    const auto at = static_cast<std::size_t>(socket);
    if (sockets_[at] == target) target->on_ready({.readable = true, .hangup = true});
  });
}

IoResult EpollLoop::read(SocketHandle socket, std::span<std::byte> into) {
  const auto fd = static_cast<int>(socket);
  MR_ASSERT(!into.empty(), "read into nothing");
  if (is_closing(fd)) return {IoStatus::kClosed, 0};
  ssize_t count = 0;
  do {
    count = ::recv(fd, into.data(), into.size(), 0);
  } while (count < 0 && errno == EINTR);
  stats_.reads.add(1);
  if (count > 0) {
    stats_.bytes_read.add(static_cast<std::uint64_t>(count));
    const auto bytes = static_cast<std::size_t>(count);
    return {IoStatus::kOk, bytes, bytes < into.size()};
  }
  return {count < 0 && is_retry(errno) ? IoStatus::kBlocked : IoStatus::kClosed, 0};
}

IoResult EpollLoop::write(SocketHandle socket, std::span<const iovec> parts) {
  const auto fd = static_cast<int>(socket);
  if (is_closing(fd)) return {IoStatus::kClosed, 0};
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(parts.data());
  message.msg_iovlen = std::min(parts.size(), kIovecsMax);
  ssize_t count = 0;
  do {
    // One part needs no list: the cheaper call of the two.
    count = parts.size() == 1 ? ::send(fd, parts[0].iov_base, parts[0].iov_len, MSG_NOSIGNAL)
                              : ::sendmsg(fd, &message, MSG_NOSIGNAL);
  } while (count < 0 && errno == EINTR);
  stats_.writes.add(1);
  if (count >= 0) {
    stats_.bytes_written.add(static_cast<std::uint64_t>(count));
    return {IoStatus::kOk, static_cast<std::size_t>(count)};
  }
  // ENOBUFS and ENOMEM would give no edge later, so they count as a broken connection.
  return {is_retry(errno) ? IoStatus::kBlocked : IoStatus::kClosed, 0};
}

void EpollLoop::shutdown_write(SocketHandle socket) {
  const auto fd = static_cast<int>(socket);
  if (!is_closing(fd)) ::shutdown(fd, SHUT_WR);
}

void EpollLoop::close(SocketHandle socket) {
  MR_ASSERT(is_current(), "close on another loop");
  const auto fd = static_cast<int>(socket);
  const auto index = static_cast<std::size_t>(fd);
  MR_ASSERT(!is_closing(fd), "socket closed twice");
  if (index >= sockets_.size()) sockets_.resize(index + 1);
  sockets_[index] = &closed_socket;
  closing_.push_back(fd);
}

bool EpollLoop::is_closing(int descriptor) const {
  const auto index = static_cast<std::size_t>(descriptor);
  return index < sockets_.size() && sockets_[index] == &closed_socket;
}

std::size_t EpollLoop::unsent_bytes(SocketHandle socket) const {
  int bytes = 0;
  if (ioctl(static_cast<int>(socket), SIOCOUTQNSD, &bytes) != 0 || bytes < 0) return 0;
  return static_cast<std::size_t>(bytes);
}

std::span<std::byte> EpollLoop::read_buffer() { return {read_buffer_.get(), kReadBufferBytes}; }

}  // namespace mr::net
