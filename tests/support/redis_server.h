#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/types.h"
#include "support/certificates.h"
#include "support/server_process.h"

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
    std::uint16_t port = 0;                // 0: a free one
    std::string sentinel{};                // lines of its configuration; empty: it is no sentinel
    std::string tls_ca_file{};             // with it a second port, for TLS
    Authority::Certificate tls{};
    std::uint16_t tls_port = 0;  // 0: a free one
  };

  RedisServer() : RedisServer(Options()) {}
  explicit RedisServer(Options options) : options_(std::move(options)) {
    std::string pattern = std::filesystem::temp_directory_path() / "millrace-redis-XXXXXX";
    const char* made = mkdtemp(pattern.data());
    EXPECT_NE(made, nullptr) << "mkdtemp " << pattern;
    directory_ = pattern;
    port_ = options_.port != 0 ? options_.port : free_port();
    if (has_tls()) tls_port_ = options_.tls_port != 0 ? options_.tls_port : free_port();
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
      process_.spawn(command_line());
      if (wait_until_it_answers()) return is_placed_ = true;
      kill();
      if (is_placed_) continue;
      port_ = free_port();  // another process was faster
      if (has_tls()) tls_port_ = free_port();
    }
    ADD_FAILURE() << "redis-server does not start on port " << port_
                  << "; is the package redis-server installed?\n"
                  << log();
    return false;
  }
  // As an operator does. Returns when the process has ended.
  void stop() { process_.end_by(SIGTERM); }
  // As a crash does.
  void kill() { process_.end_by(SIGKILL); }
  void pause() { process_.pause(); }
  void resume() { process_.resume(); }

  // One command line as redis-cli takes it; the first 64 KiB of what is answered to it, raw.
  std::string ask(std::string_view line) const {
    const int socket = connected_to(port_);
    if (socket < 0) return {};
    std::string answer;
    const std::string bytes = std::string(line) + "\r\nQUIT\r\n";
    if (send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL) > 0) {
      pollfd readable{socket, POLLIN, 0};
      char buffer[4096];
      // A sentinel knows no QUIT.
      while (answer.size() < 64 * 1024 && answer.find("'QUIT'") == answer.npos &&
             poll(&readable, 1, 2'000) == 1) {
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
  bool has_tls() const { return !options_.tls_ca_file.empty(); }
  std::uint16_t tls_port() const { return tls_port_; }
  // Where others of its kind and clients reach it: by TLS if it has that.
  std::uint16_t main_port() const { return has_tls() ? tls_port_ : port_; }
  pid_t pid() const { return process_.pid(); }
  bool is_running() const { return process_.is_running(); }
  std::string log() const {
    std::ostringstream text;
    text << std::ifstream(directory_ + "/log").rdbuf();
    return text.str();
  }

 private:
  std::vector<std::string> command_line() const {
    if (!options_.sentinel.empty()) {
      const std::string file = directory_ + "/sentinel.conf";
      if (!is_placed_) {
        std::ofstream config(file);
        config << "port " << port_ << "\nbind 127.0.0.1\ndir " << directory_ << "\nlogfile "
               << directory_ << "/log\n";
        for (const auto& [name, value] : tls_settings()) config << name << " " << value << "\n";
        config << options_.sentinel;
      }
      return {"redis-server", file, "--sentinel"};
    }
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
    for (const auto& [name, value] : tls_settings()) {
      line.insert(line.end(), {"--" + name, value});
    }
    line.insert(line.end(), options_.arguments.begin(), options_.arguments.end());
    return line;
  }
  // Clients need no certificate unless `arguments` say so.
  std::vector<std::pair<std::string, std::string>> tls_settings() const {
    if (!has_tls()) return {};
    return {{"tls-port", std::to_string(tls_port_)},
            {"tls-cert-file", options_.tls.cert_file},
            {"tls-key-file", options_.tls.key_file},
            {"tls-ca-cert-file", options_.tls_ca_file},
            {"tls-auth-clients", "no"},
            {"tls-replication", "yes"}};
  }

  bool wait_until_it_answers() const {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (std::chrono::steady_clock::now() < deadline) {
      const std::string answer = ask("PING");
      if (answer.starts_with("+PONG") || answer.starts_with("-NOAUTH")) return true;
      if (process_.has_ended_within(std::chrono::milliseconds(2))) return false;
    }
    return false;
  }

  const Options options_;
  std::string directory_;
  std::uint16_t port_ = 0;
  std::uint16_t tls_port_ = 0;
  bool is_placed_ = false;  // it has once run on this port
  ServerProcess process_;
};

}  // namespace mr::test
