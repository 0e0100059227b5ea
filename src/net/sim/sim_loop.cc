#include "net/sim/sim_loop.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "net/address.h"

namespace mr::net::sim {
namespace {

constexpr std::size_t kReadBufferBytes = 64 * 1024;
constexpr std::size_t kIovecsMax = 512;

// What the hash notes; the values only have to stay apart.
enum Noted : std::uint8_t { kIteration, kReport, kAccept, kPosted, kRead, kWrite, kClose };

std::string gather(std::span<const iovec> parts, std::size_t bytes) {
  std::string out;
  out.reserve(bytes);
  for (const iovec& part : parts) {
    const std::size_t left = bytes - out.size();
    out.append(static_cast<const char*>(part.iov_base), std::min(part.iov_len, left));
    if (out.size() == bytes) break;
  }
  return out;
}

}  // namespace

SimLoop::SimLoop(Sim& sim, SimNetwork& network, std::string host)
    : sim_(sim),
      network_(network),
      host_(std::move(host)),
      id_(sim.join(*this)),
      random_(sim.random().next()),
      read_buffer_(kReadBufferBytes) {}

SimLoop::~SimLoop() {
  for (const auto& listener : listeners_) {
    if (listener != nullptr) network_.close_listener(*listener);
  }
  for (const Offer& offer : offers_) abandon(*offer.socket);
  for (const auto& socket : sockets_) {
    if (socket != nullptr) abandon(*socket);
  }
  sim_.leave(*this);
}

void SimLoop::abandon(SimSocket& socket) {
  if (socket.loop == nullptr) return;
  socket.loop = nullptr;
  socket.events = nullptr;
  if (!socket.broken) network_.send(socket, {.kind = SimSegment::Kind::kReset});
  socket.keeps_peer = nullptr;
  network_.release(socket);
}

std::size_t SimLoop::open_sockets() const {
  return sockets_.size() - free_.size() - closing_.size();
}

bool SimLoop::is_runnable() {
  if (frozen_) return false;
  if (has_more_ || !edges_.empty() || !offers_.empty() || !mailbox_.empty()) return true;
  if (!deferred_.empty() || !closing_.empty()) return true;
  const auto deadline = timers_.next_deadline();
  return deadline && *deadline <= sim_.clock().now();
}

base::TimePoint SimLoop::next_timer() {
  if (frozen_) return base::TimePoint::max();
  return timers_.next_deadline().value_or(base::TimePoint::max());
}

void SimLoop::iterate() {
  sim_.note(id_, kIteration, edges_.size() + offers_.size());
  report_sockets();
  accept_offers();
  run_mailbox();
  timers_.run_due(sim_.clock().now());
  finish_iteration();
}

void SimLoop::report_sockets() {
  std::vector<std::uint32_t> edges = std::exchange(edges_, {});
  for (std::size_t i = edges.size(); i > 1; --i) {
    std::swap(edges[i - 1], edges[sim_.random().below(i)]);
  }
  for (const std::uint32_t slot : edges) {
    const std::shared_ptr<SimSocket> socket = sockets_[slot];
    if (socket == nullptr || socket->loop == nullptr) continue;
    socket->edge = false;
    if (socket->events == nullptr) continue;
    const Ready ready = readiness(*socket);
    if (!ready.readable && !ready.writable && !ready.hangup) continue;
    sim_.note(id_, kReport, slot);
    socket->events->on_ready(ready);
  }
}

void SimLoop::accept_offers() {
  std::deque<Offer> offers = std::exchange(offers_, {});
  while (!offers.empty()) {
    Offer offer = std::move(offers.front());
    offers.pop_front();
    // A callback before this one may have closed the listener.
    const auto same = [&](const auto& l) { return l.get() == offer.listener; };
    if (std::none_of(listeners_.begin(), listeners_.end(), same)) {
      abandon(*offer.socket);
      continue;
    }
    const auto client = offer.socket->peer.lock();
    PeerAddress peer;
    if (client != nullptr) {
      const std::string& seen = client->over_loopback ? "127.0.0.1" : client->host;
      peer = parse_peer_address({seen, client->port}).value_or(PeerAddress{});
    }
    sim_.note(id_, kAccept, peer.port);
    AcceptEvents* events = offer.listener->events;
    const SocketHandle handle = add(std::move(offer.socket));
    events->on_accept(handle, peer);
  }
}

void SimLoop::run_mailbox() {
  std::vector<Posted> batch = std::exchange(mailbox_, {});
  if (!batch.empty()) sim_.note(id_, kPosted, batch.size());
  for (Posted& posted : batch) {
    posted.task();
    posted.task = nullptr;
    mailbox_bytes_ -= posted.bytes;
  }
}

void SimLoop::finish_iteration() {
  // Before the hook, which writes what these leave; what they or the hook defer runs at the end
  // of the next iteration, which does not wait.
  for (base::Task& task : std::exchange(deferred_, {})) task();
  has_more_ = iteration_end_ != nullptr && iteration_end_->on_iteration_end();
  for (const std::uint32_t slot : std::exchange(closing_, {})) {
    sockets_[slot] = nullptr;
    free_.push_back(slot);
  }
}

void SimLoop::post(base::Task task, std::size_t bytes) {
  mailbox_bytes_ += bytes;
  mailbox_.push_back({std::move(task), bytes});
}

TimerId SimLoop::after(base::Duration delay, base::Task task) {
  MR_ASSERT(is_current(), "timer of another loop");
  return timers_.add(sim_.clock().now() + delay, std::move(task));
}

bool SimLoop::cancel(TimerId timer) {
  MR_ASSERT(is_current(), "timer of another loop");
  return timers_.cancel(timer);
}

void SimLoop::defer(base::Task task) {
  MR_ASSERT(is_current(), "defer on another loop");
  deferred_.push_back(std::move(task));
}

base::Result<ListenerHandle, NetErrc> SimLoop::listen(const ListenOptions& options,
                                                      AcceptEvents& events) {
  MR_ASSERT(is_current(), "listen on another loop");
  auto listener = std::make_unique<SimListener>();
  listener->loop = this;
  listener->events = &events;
  auto port = network_.listen(*listener, options.address, options.reuse_port);
  if (!port) return port.error();
  listeners_.push_back(std::move(listener));
  return static_cast<ListenerHandle>(listeners_.size() - 1);
}

std::uint16_t SimLoop::listener_port(ListenerHandle listener) const {
  return listeners_[static_cast<std::size_t>(listener)]->port;
}

void SimLoop::close_listener(ListenerHandle listener) {
  MR_ASSERT(is_current(), "listener of another loop");
  auto& closed = listeners_[static_cast<std::size_t>(listener)];
  MR_ASSERT(closed != nullptr, "listener closed twice");
  network_.close_listener(*closed);
  for (const Offer& offer : offers_) {
    if (offer.listener == closed.get()) abandon(*offer.socket);
  }
  std::erase_if(offers_, [&](const Offer& offer) { return offer.listener == closed.get(); });
  closed = nullptr;
}

base::Result<SocketHandle, NetErrc> SimLoop::connect(const Address& address, SocketEvents& events) {
  MR_ASSERT(is_current(), "connect on another loop");
  if (!parse_peer_address(address)) {
    return base::Error<NetErrc>{NetErrc::kBadAddress,
                                "\"" + address.host + "\" is not a numeric address"};
  }
  if (network_.fails(SimCall::kConnect)) {
    return base::Error<NetErrc>{NetErrc::kSystem, "connect to " + to_text(address) + ": injected"};
  }
  const SocketHandle handle = add(network_.connect(*this, address));
  socket(handle).events = &events;
  return handle;
}

SocketHandle SimLoop::add(std::shared_ptr<SimSocket> socket) {
  // The last one freed is used first, as with descriptors: stale handles meet new owners.
  std::uint32_t slot = static_cast<std::uint32_t>(sockets_.size());
  if (free_.empty()) {
    sockets_.emplace_back();
  } else {
    slot = free_.back();
    free_.pop_back();
  }
  socket->slot = slot;
  sockets_[slot] = std::move(socket);
  return static_cast<SocketHandle>(slot);
}

SimSocket& SimLoop::socket(SocketHandle socket) const {
  const auto slot = static_cast<std::size_t>(socket);
  MR_ASSERT(slot < sockets_.size() && sockets_[slot] != nullptr, "use of a freed socket handle");
  return *sockets_[slot];
}

void SimLoop::watch(SocketHandle handle, SocketEvents& events) {
  MR_ASSERT(is_current(), "watch on another loop");
  SimSocket& end = socket(handle);
  MR_ASSERT(end.loop == this, "watch of a closed socket");
  end.events = &events;
  notify(end);
}

void SimLoop::notify(SimSocket& socket) {
  if (socket.slot == UINT32_MAX || socket.edge || socket.loop != this) return;
  socket.edge = true;
  edges_.push_back(socket.slot);
}

void SimLoop::offer(const SimListener& listener, std::shared_ptr<SimSocket> socket) {
  offers_.push_back({&listener, std::move(socket)});
}

Ready SimLoop::readiness(const SimSocket& socket) const {
  Ready ready;
  ready.hangup = socket.broken || (socket.end_received && socket.end_sent);
  ready.readable = ready.hangup || socket.unread() > 0 || socket.end_received;
  ready.writable = ready.hangup || (socket.established && room(socket) > 0);
  ready.ended = ready.hangup || socket.end_received;
  return ready;
}

std::size_t SimLoop::room(const SimSocket& socket) const {
  const std::size_t capacity = network_.options().send_buffer_bytes;
  const auto peer = socket.peer.lock();
  const std::size_t held = peer == nullptr ? 0 : peer->held_bytes();
  return capacity > held ? capacity - held : 0;
}

IoResult SimLoop::read(SocketHandle handle, std::span<std::byte> into) {
  MR_ASSERT(is_current(), "read on another loop");
  MR_ASSERT(!into.empty(), "read into nothing");
  SimSocket& end = socket(handle);
  if (end.loop == nullptr) return {IoStatus::kClosed, 0};
  if (network_.fails(SimCall::kRead)) break_connection(end);
  if (end.unread() == 0) {
    return {end.broken || end.end_received ? IoStatus::kClosed : IoStatus::kBlocked, 0};
  }
  const std::size_t count = network_.piece(std::min(into.size(), end.unread()));
  std::memcpy(into.data(), end.buffer.data() + end.buffer_read, count);
  end.buffer_read += count;
  if (end.unread() == 0) {
    end.buffer.clear();
    end.buffer_read = 0;
  }
  sim_.note(id_, kRead, count);
  tell_writer(end);
  return {IoStatus::kOk, count, end.unread() == 0};
}

void SimLoop::tell_writer(SimSocket& reader) {
  const auto writer = reader.peer.lock();
  if (writer == nullptr || writer->loop == nullptr || !writer->blocked) return;
  // The kernel wakes a writer when a third of its buffer is free.
  if (room(*writer) < network_.options().send_buffer_bytes / 3) return;
  writer->blocked = false;
  writer->loop->notify(*writer);
}

void SimLoop::break_connection(SimSocket& socket) {
  socket.buffer.clear();
  socket.buffer_read = 0;
  network_.send(socket, {.kind = SimSegment::Kind::kReset});
  socket.broken = true;
  notify(socket);
}

IoResult SimLoop::write(SocketHandle handle, std::span<const iovec> parts) {
  MR_ASSERT(is_current(), "write on another loop");
  SimSocket& end = socket(handle);
  if (end.loop == nullptr) return {IoStatus::kClosed, 0};
  if (network_.fails(SimCall::kWrite)) break_connection(end);
  if (end.broken || end.end_sent) return {IoStatus::kClosed, 0};
  const auto taken = parts.first(std::min(parts.size(), kIovecsMax));
  std::size_t total = 0;
  for (const iovec& part : taken) total += part.iov_len;
  const std::size_t space = end.established ? room(end) : 0;
  if (total == 0) return {IoStatus::kOk, 0};
  if (space == 0) {
    end.blocked = true;
    return {IoStatus::kBlocked, 0};
  }
  const std::size_t count = network_.piece(std::min(total, space));
  network_.send(end, {.bytes = gather(taken, count)});
  sim_.note(id_, kWrite, count);
  // The edge after a short write comes too, as the next write would be refused.
  if (count < total) end.blocked = true;
  return {IoStatus::kOk, count};
}

void SimLoop::shutdown_write(SocketHandle handle) {
  SimSocket& end = socket(handle);
  if (end.loop == nullptr || end.end_sent || end.broken) return;
  end.end_sent = true;
  network_.send(end, {.kind = SimSegment::Kind::kEnd});
  if (end.end_received) notify(end);
}

void SimLoop::close(SocketHandle handle) {
  MR_ASSERT(is_current(), "close on another loop");
  SimSocket& end = socket(handle);
  MR_ASSERT(end.loop == this, "socket closed twice");
  sim_.note(id_, kClose, end.slot);
  // As in TCP: unread bytes make the close a reset.
  if (!end.broken) {
    const bool rude = end.unread() > 0;
    if (rude || !end.end_sent) {
      network_.send(end, {.kind = rude ? SimSegment::Kind::kReset : SimSegment::Kind::kEnd});
    }
  }
  end.loop = nullptr;
  end.events = nullptr;
  end.keeps_peer = nullptr;
  network_.release(end);
  closing_.push_back(end.slot);
}

std::size_t SimLoop::unsent_bytes(SocketHandle handle) const {
  const auto peer = socket(handle).peer.lock();
  return peer == nullptr ? 0 : std::min(peer->held_bytes(), ListenOptions().notsent_lowat_bytes);
}

std::span<std::byte> SimLoop::read_buffer() { return read_buffer_; }

}  // namespace mr::net::sim
