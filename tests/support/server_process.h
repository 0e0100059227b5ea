#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace mr::test {

// A process of another program that a test starts, and that ends with the test's process.
class ServerProcess {
 public:
  ServerProcess() = default;
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;
  ~ServerProcess() { end_by(SIGKILL); }

  void spawn(const std::vector<std::string>& line) {
    std::vector<char*> arguments;
    for (const std::string& word : line) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    const pid_t parent = getpid();
    pid_ = fork();
    if (pid_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (getppid() != parent) _exit(1);
      execvp(arguments[0], arguments.data());
      _exit(127);
    }
    ASSERT_GT(pid_, 0) << "fork failed";
    descriptor_ = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
    ASSERT_GE(descriptor_, 0) << "pidfd_open failed";
  }

  // It hangs: the kernel keeps its connections, nobody answers.
  void pause() {
    ::kill(pid_, SIGSTOP);
    int status = 0;
    waitpid(pid_, &status, WUNTRACED);
    EXPECT_TRUE(WIFSTOPPED(status));
  }
  void resume() { ::kill(pid_, SIGCONT); }

  // True when it ended within that time.
  bool has_ended_within(std::chrono::milliseconds limit) const {
    pollfd ended{descriptor_, POLLIN, 0};
    return poll(&ended, 1, static_cast<int>(limit.count())) == 1;
  }

  pid_t pid() const { return pid_; }
  bool is_running() const { return pid_ > 0; }

  // Returns when it has ended.
  void end_by(int signal) {
    if (pid_ <= 0) return;
    ::kill(pid_, signal);
    ::kill(pid_, SIGCONT);
    if (!has_ended_within(std::chrono::seconds(10))) ::kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    ::close(descriptor_);
    pid_ = descriptor_ = -1;
  }

 private:
  pid_t pid_ = -1;
  int descriptor_ = -1;  // of the process
};

inline sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

inline std::uint16_t free_port() {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = loopback(0);
  socklen_t length = sizeof address;
  EXPECT_EQ(bind(socket, reinterpret_cast<sockaddr*>(&address), length), 0);
  getsockname(socket, reinterpret_cast<sockaddr*>(&address), &length);
  ::close(socket);
  return ntohs(address.sin_port);
}

// A blocking connection; -1: nobody listens there.
inline int connected_to(std::uint16_t port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = loopback(port);
  if (::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    return socket;
  }
  ::close(socket);
  return -1;
}

}  // namespace mr::test
