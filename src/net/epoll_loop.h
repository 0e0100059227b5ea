#pragma once

#include <atomic>
#include <memory>
#include <span>
#include <thread>
#include <vector>

#include "net/acceptor.h"
#include "net/loop.h"
#include "net/loop_stats.h"
#include "net/mailbox.h"
#include "net/system_clock.h"
#include "net/timer_heap.h"

struct epoll_event;

namespace mr::net {

// The loop of production: one epoll, edge-triggered, one thread. A socket costs one pointer here.
//
// An iteration is: socket events and accepts, posted tasks, due timers, deferred tasks, the
// IterationEnd hook, and last the real closing of descriptors. Timers that are more than a second
// late wait until all socket events were told. Invariant: a descriptor number is
// never reused within an iteration, so no event can reach a new owner.
class EpollLoop final : public Loop {
 public:
  EpollLoop();
  ~EpollLoop() override;

  // Runs on the calling thread until stop(). Before and after it any one thread may use the loop.
  void run();
  // Any thread. run() returns at the end of the iteration, before run() at once; then it may run
  // again.
  void stop();
  // Any thread.
  const LoopStats& stats() const { return stats_; }
  // Takes over a non-blocking descriptor; watch() and close() it like an accepted socket.
  SocketHandle adopt(int descriptor);

  bool is_current() const override;
  void post(base::Task task, std::size_t bytes = 0) override;
  std::size_t mailbox_bytes() const override;
  TimerId after(base::Duration delay, base::Task task) override;
  bool cancel(TimerId timer) override;
  void defer(base::Task task) override;
  void set_iteration_end(IterationEnd* hook) override;
  base::Result<ListenerHandle, NetErrc> listen(const ListenOptions& options,
                                               AcceptEvents& events) override;
  std::uint16_t listener_port(ListenerHandle listener) const override;
  void close_listener(ListenerHandle listener) override;
  base::Result<SocketHandle, NetErrc> connect(const Address& address,
                                              SocketEvents& events) override;
  void watch(SocketHandle socket, SocketEvents& events) override;
  IoResult read(SocketHandle socket, std::span<std::byte> into) override;
  IoResult write(SocketHandle socket, std::span<const iovec> parts) override;
  void shutdown_write(SocketHandle socket) override;
  void close(SocketHandle socket) override;
  std::size_t unsent_bytes(SocketHandle socket) const override;
  std::span<std::byte> read_buffer() override;
  const base::Clock& clock() const override { return clock_; }
  base::Random& random() override { return random_; }

 private:
  void iterate();
  void catch_up();
  void dispatch_all(std::span<const epoll_event> events);
  void dispatch(std::uint64_t tag, std::uint32_t events);
  int poll_timeout_ms();
  void finish_iteration();
  bool is_closing(int descriptor) const;

  LoopStats stats_;
  const int epoll_;
  Mailbox mailbox_;
  Acceptor acceptor_;
  std::vector<SocketEvents*> sockets_;  // by descriptor; null: not watched
  std::vector<int> closing_;            // closed at the end of the iteration
  TimerHeap timers_;
  std::vector<base::Task> deferred_;
  IterationEnd* iteration_end_ = nullptr;
  bool has_more_ = false;  // what the hook said last
  std::atomic<bool> stop_{false};
  std::atomic<std::thread::id> owner_{};  // while run() runs
  std::unique_ptr<std::byte[]> read_buffer_;
  SystemClock clock_;
  base::SystemRandom random_;
};

}  // namespace mr::net
