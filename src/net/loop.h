#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/clock.h"
#include "base/function.h"
#include "base/loop_affinity.h"
#include "base/random.h"
#include "base/result.h"
#include "net/types.h"

namespace mr::net {

enum class NetErrc : std::uint8_t {
  kAddressInUse,  // detail names address, port and, where known, the owning process
  kBadAddress,    // not a numeric address, or not one of this machine
  kNoPermission,  // a port below 1024 without the right
  kSystem,        // anything else; detail has the system's text
};

// What a socket reports to. Edge-triggered: after on_ready the owner reads until kBlocked or
// kClosed (or, when the peer has not ended, a read that drained), and writes only what it has. The
// owner keeps the object alive until it called Loop::close(); an object that must die inside its
// own callback goes through Loop::defer().
class SocketEvents {
 public:
  virtual void on_ready(Ready ready) = 0;

 protected:
  ~SocketEvents() = default;
};

// Gets accepted sockets; must call watch() or close() before it returns.
class AcceptEvents {
 public:
  virtual void on_accept(SocketHandle socket, const PeerAddress& peer) = 0;

 protected:
  ~AcceptEvents() = default;
};

// Runs after the events of each iteration. Returns true when work is left: the loop then polls
// without waiting and calls again (resumable flush, slices of about 1 ms).
class IterationEnd {
 public:
  virtual bool on_iteration_end() = 0;

 protected:
  ~IterationEnd() = default;
};

struct ListenOptions {
  Address address;
  bool reuse_port = false;  // loops of one node share the port
  int backlog = 4096;
  std::size_t notsent_lowat_bytes = 16 * 1024;  // TCP_NOTSENT_LOWAT of accepted sockets
};

// The seam to the outside: sockets, time, chance, posting. EpollLoop in production, SimLoop in
// tests. Everything but post() and mailbox_bytes() belongs to the loop itself.
// rule-waiver(class sizes): one object stands for all contact with the outside, so that a test
// replaces it in one place; every method is a primitive.
class Loop : public base::LoopAffinity {
 public:
  // Any thread. Runs `task` on this loop, in the order of posting per posting thread. One wake-up
  // per batch. `bytes` is what the task holds and counts into mailbox_bytes() until it ran.
  virtual void post(base::Task task, std::size_t bytes = 0) = 0;
  // Any thread. Producers that can wait look here before posting data (never for replies).
  virtual std::size_t mailbox_bytes() const = 0;

  virtual TimerId after(base::Duration delay, base::Task task) = 0;
  // False when it already ran or never was.
  virtual bool cancel(TimerId timer) = 0;
  // Runs at the end of this iteration, after all callbacks: where closed objects are freed.
  virtual void defer(base::Task task) = 0;
  virtual void set_iteration_end(IterationEnd* hook) = 0;

  virtual base::Result<ListenerHandle, NetErrc> listen(const ListenOptions& options,
                                                       AcceptEvents& events) = 0;
  virtual std::uint16_t listener_port(ListenerHandle listener) const = 0;
  virtual void close_listener(ListenerHandle listener) = 0;

  // Starts a connection to a numeric address; on_ready(writable) says it stands, hangup that not.
  virtual base::Result<SocketHandle, NetErrc> connect(const Address& address,
                                                      SocketEvents& events) = 0;
  // Reports from now on go to `events`. What was already readable is reported again.
  virtual void watch(SocketHandle socket, SocketEvents& events) = 0;
  virtual IoResult read(SocketHandle socket, std::span<std::byte> into) = 0;
  virtual IoResult write(SocketHandle socket, std::span<const iovec> parts) = 0;
  // Ends the writing side; the peer reads the end after everything written.
  virtual void shutdown_write(SocketHandle socket) = 0;
  // No report comes after it; the handle is free at the end of the iteration.
  virtual void close(SocketHandle socket) = 0;
  // Bytes that the kernel took and has not sent: TCP_NOTSENT_LOWAT and one write at most.
  virtual std::size_t unsent_bytes(SocketHandle socket) const = 0;
  // One receive buffer per loop (64 KiB), valid inside one callback; nobody keeps a view of it.
  virtual std::span<std::byte> read_buffer() = 0;

  virtual const base::Clock& clock() const = 0;
  virtual base::Random& random() = 0;
};

}  // namespace mr::net
