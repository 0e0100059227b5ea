#pragma once

#include <vector>

#include "base/function.h"
#include "base/result.h"
#include "net/epoll_loop.h"

namespace mr::net {

// Turns signals into calls on one loop (signalfd). Made before any thread starts, because the
// blocked mask is inherited; must be destroyed on the loop or after it stopped.
class SignalWatch final : public SocketEvents {
 public:
  static base::Result<std::unique_ptr<SignalWatch>, NetErrc> open(EpollLoop& loop,
                                                                  const std::vector<int>& signals,
                                                                  base::Function<void(int)> call);
  ~SignalWatch();
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;
  void on_ready(Ready ready) override;

 private:
  SignalWatch(EpollLoop& loop, int descriptor, base::Function<void(int)> call);

  EpollLoop& loop_;
  SocketHandle handle_;
  base::Function<void(int)> call_;
};

}  // namespace mr::net
