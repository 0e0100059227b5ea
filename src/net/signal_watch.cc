#include "net/signal_watch.h"

#include <pthread.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace mr::net {

base::Result<std::unique_ptr<SignalWatch>, NetErrc> SignalWatch::open(
    EpollLoop& loop, const std::vector<int>& signals, base::Function<void(int)> call) {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : signals) sigaddset(&set, number);
  int error = pthread_sigmask(SIG_BLOCK, &set, nullptr);
  const int descriptor = error == 0 ? signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC) : -1;
  if (descriptor < 0) {
    if (error == 0) error = errno;
    return base::Error<NetErrc>{NetErrc::kSystem,
                                "signals: " + std::generic_category().message(error)};
  }
  return std::unique_ptr<SignalWatch>(new SignalWatch(loop, descriptor, std::move(call)));
}

SignalWatch::SignalWatch(EpollLoop& loop, int descriptor, base::Function<void(int)> call)
    : loop_(loop), handle_(loop.adopt(descriptor)), call_(std::move(call)) {
  loop_.watch(handle_, *this);
}

SignalWatch::~SignalWatch() { loop_.close(handle_); }

void SignalWatch::on_ready(Ready) {
  signalfd_siginfo info{};
  while (::read(static_cast<int>(handle_), &info, sizeof info) == sizeof info) {
    call_(static_cast<int>(info.ssi_signo));
  }
}

}  // namespace mr::net
