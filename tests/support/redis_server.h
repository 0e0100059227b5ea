#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/types.h"

namespace mr::test {

// A real redis-server of this test alone: on a free loopback port, without persistence, its files
// in a temporary directory. It ends with this object, and with the test's process. What fails is a
// failure of the test, also that there is no redis-server.
class RedisServer {
 public:
  struct Options {
    std::string password{};                // requirepass; empty: none
    std::string acl{};                     // text of an ACL file; empty: none
    std::vector<std::string> arguments{};  // further ones, such as "--maxmemory", "1mb"
  };

  RedisServer() : RedisServer(Options()) {}
  explicit RedisServer(Options options) : options_(std::move(options)) {
    std::string pattern = std::filesystem::temp_directory_path() / "millrace-redis-XXXXXX";
    const char* made = mkdtemp(pattern.data());
    EXPECT_NE(made, nullptr) << "mkdtemp " << pattern;
    directory_ = pattern;
    port_ = free_port();
  }
  RedisServer(const RedisServer&) = delete;
  RedisServer& operator=(const RedisServer&) = delete;
  ~RedisServer() {
    kill();
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }

  // Returns when it answers. After the first time always on the same port.
  bool start() {
    for (int tries = is_placed_ ? 1 : 5; tries > 0; --tries) {
      spawn();
      if (wait_until_it_answers()) return is_placed_ = true;
      kill();
      if (!is_placed_) port_ = free_port();  // another process was faster
    }
    ADD_FAILURE() << "redis-server does not start on port " << port_
                  << "; is the package redis-server installed?\n"
                  << log();
    return false;
  }
  // As an operator does. Returns when the process has ended.
  void stop() { end_by(SIGTERM); }
  // As a crash does.
  void kill() { end_by(SIGKILL); }
  // It hangs: the kernel keeps its connections, nobody answers.
  void pause() {
    ::kill(pid_, SIGSTOP);
    int status = 0;
    waitpid(pid_, &status, WUNTRACED);
    EXPECT_TRUE(WIFSTOPPED(status));
  }
  void resume() { ::kill(pid_, SIGCONT); }

  // One command line as redis-cli takes it; the first 64 KiB of what is answered to it, raw.
  std::string ask(std::string_view line) const {
    const int socket = connect();
    if (socket < 0) return {};
    std::string answer;
    const std::string bytes = std::string(line) + "\r\nQUIT\r\n";
    if (send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL) > 0) {
      pollfd readable{socket, POLLIN, 0};
      char buffer[4096];
      while (answer.size() < 64 * 1024 && poll(&readable, 1, 2'000) == 1) {
        const ssize_t got = recv(socket, buffer, sizeof buffer, 0);
        if (got <= 0) break;
        answer.append(buffer, static_cast<std::size_t>(got));
      }
    }
    ::close(socket);
    return answer;
  }

  net::Address address() const { return {"127.0.0.1", port_}; }
  std::uint16_t port() const { return port_; }
  pid_t pid() const { return pid_; }
  bool is_running() const { return pid_ > 0; }
  std::string log() const {
    std::ostringstream text;
    text << std::ifstream(directory_ + "/log").rdbuf();
    return text.str();
  }

 private:
  static sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
  }

  static std::uint16_t free_port() {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = loopback(0);
    socklen_t length = sizeof address;
    EXPECT_EQ(bind(socket, reinterpret_cast<sockaddr*>(&address), length), 0);
    getsockname(socket, reinterpret_cast<sockaddr*>(&address), &length);
    ::close(socket);
    return ntohs(address.sin_port);
  }

  int connect() const {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = loopback(port_);
    if (::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
      return socket;
    }
    ::close(socket);
    return -1;
  }

  std::vector<std::string> command_line() const {
    std::vector<std::string> line{
        "redis-server", "--port",    std::to_string(port_), "--bind",     "127.0.0.1",
        "--save",       "",          "--appendonly",        "no",         "--dir",
        directory_,     "--logfile", directory_ + "/log",   "--loglevel", "notice",
        "--daemonize",  "no",        "--databases",         "16"};
    if (!options_.password.empty()) {
      line.insert(line.end(), {"--requirepass", options_.password});
    }
    if (!options_.acl.empty()) {
      const std::string file = directory_ + "/users.acl";
      std::ofstream(file) << options_.acl;
      line.insert(line.end(), {"--aclfile", file});
    }
    line.insert(line.end(), options_.arguments.begin(), options_.arguments.end());
    return line;
  }

  void spawn() {
    const std::vector<std::string> line = command_line();
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

  // True when the process ended within that time.
  bool has_ended_within(std::chrono::milliseconds limit) const {
    pollfd ended{descriptor_, POLLIN, 0};
    return poll(&ended, 1, static_cast<int>(limit.count())) == 1;
  }

  bool wait_until_it_answers() const {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (std::chrono::steady_clock::now() < deadline) {
      const std::string answer = ask("PING");
      if (answer.starts_with("+PONG") || answer.starts_with("-NOAUTH")) return true;
      if (has_ended_within(std::chrono::milliseconds(2))) return false;
    }
    return false;
  }

  void end_by(int signal) {
    if (pid_ <= 0) return;
    ::kill(pid_, signal);
    ::kill(pid_, SIGCONT);
    if (!has_ended_within(std::chrono::seconds(10))) ::kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    ::close(descriptor_);
    pid_ = descriptor_ = -1;
  }

  const Options options_;
  std::string directory_;
  std::uint16_t port_ = 0;
  bool is_placed_ = false;  // it has once run on this port
  pid_t pid_ = -1;
  int descriptor_ = -1;  // of the process
};

}  // namespace mr::test
