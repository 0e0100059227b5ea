#pragma once

#include <cstdint>
#include <vector>

#include "net/loop.h"
#include "net/loop_stats.h"

namespace mr::net {

// The listening sockets of one EpollLoop. Level-triggered, so that what a budget left over is
// reported again. When descriptors run out, waiting connections are accepted with a reserve
// descriptor and closed, and the listeners are silent for a while: the loop never spins.
class Acceptor {
 public:
  // The kind that the loop sees in the upper half of epoll's data; the lower one is the socket.
  static constexpr std::uint64_t kTag = std::uint64_t{1} << 32;

  Acceptor(int epoll, LoopStats& stats);
  ~Acceptor();
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;

  base::Result<ListenerHandle, NetErrc> listen(const ListenOptions& options, AcceptEvents& events);
  std::uint16_t port(ListenerHandle listener) const;
  void close(ListenerHandle listener);
  // Accepts up to 64. True when it paused: the loop calls resume() after 100 ms.
  [[nodiscard]] bool accept_ready(int listener);
  void resume();

 private:
  struct Listener {
    int socket = -1;
    AcceptEvents* events = nullptr;
  };
  enum class Outcome : std::uint8_t { kAgain, kDrained, kPause };

  const Listener* find(int socket) const;
  Outcome accept_one(const Listener& listener);
  Outcome on_error(int listener, int error);
  Outcome refuse_one(int listener);
  void watch_all(std::uint32_t events);
  void count(AcceptError reason);

  const int epoll_;
  LoopStats& stats_;
  int reserve_;
  bool paused_ = false;
  std::vector<Listener> listeners_;
};

}  // namespace mr::net
