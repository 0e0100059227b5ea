#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>

#include "support/server_process.h"

namespace mr::test {

// A real nats-server of this test alone: on a free loopback port, its store in a temporary
// directory, empty at each start. It ends with this object, and with the test's process. What
// fails is a failure of the test, also that there is no nats-server.
class NatsServer {
 public:
  struct Options {
    bool has_jetstream = true;
    bool has_tls = false;  // says `config`: ask() is answered with a greeting only
    std::string config{};  // further text of its configuration, such as "authorization {...}"
  };

  NatsServer() : NatsServer(Options()) {}
  explicit NatsServer(Options options) : options_(std::move(options)) {
    std::string pattern = std::filesystem::temp_directory_path() / "millrace-nats-XXXXXX";
    const char* made = mkdtemp(pattern.data());
    EXPECT_NE(made, nullptr) << "mkdtemp " << pattern;
    directory_ = pattern;
    port_ = free_port();
  }
  NatsServer(const NatsServer&) = delete;
  NatsServer& operator=(const NatsServer&) = delete;
  ~NatsServer() {
    kill();
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }

  // Returns when it answers. After the first time always on the same port.
  bool start() {
    for (int tries = is_placed_ ? 1 : 5; tries > 0; --tries) {
      write_config();
      process_.spawn({program(), "-c", directory_ + "/nats.conf"});
      if (wait_until_it_answers()) return is_placed_ = true;
      kill();
      if (!is_placed_) port_ = free_port();  // another process was faster
    }
    ADD_FAILURE() << "nats-server does not start on port " << port_
                  << "; is the package nats-server installed?\n"
                  << log();
    return false;
  }
  // As an operator does. Returns when the process has ended.
  void stop() { process_.end_by(SIGTERM); }
  // As a crash does.
  void kill() { process_.end_by(SIGKILL); }
  void pause() { process_.pause(); }
  void resume() { process_.resume(); }

  // Says these lines to it as a client, and a PING behind them, and gives what it said up to
  // `last`, at most 64 KiB.
  std::string ask(std::string_view lines, std::string_view last = "PONG\r\n") const {
    const int socket = connected_to(port_);
    if (socket < 0) return {};
    std::string answer;
    const std::string bytes = "CONNECT {\"verbose\":false}\r\n" + std::string(lines) + "PING\r\n";
    if (send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL) > 0) {
      pollfd readable{socket, POLLIN, 0};
      char buffer[4096];
      while (answer.size() < 64 * 1024 && answer.find(last) == answer.npos &&
             poll(&readable, 1, 2'000) == 1) {
        const ssize_t got = recv(socket, buffer, sizeof buffer, 0);
        if (got <= 0) break;
        answer.append(buffer, static_cast<std::size_t>(got));
      }
    }
    ::close(socket);
    return answer;
  }
  // A publish for ask().
  static std::string publish(std::string_view subject, std::string_view payload) {
    return "PUB " + std::string(subject) + " " + std::to_string(payload.size()) + "\r\n" +
           std::string(payload) + "\r\n";
  }

  // The number of the connection that asks: one more than those before.
  std::uint64_t connections() const {
    constexpr std::string_view kMember = "\"client_id\":";
    const std::string info = ask("");
    const std::size_t at = info.find(kMember);
    EXPECT_NE(at, info.npos) << info;
    return at == info.npos ? 0 : std::strtoull(info.c_str() + at + kMember.size(), nullptr, 10);
  }

  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  std::string log() const {
    std::ostringstream text;
    text << std::ifstream(directory_ + "/log").rdbuf();
    return text.str();
  }

 private:
  // Debian's place for it is not in everybody's PATH.
  static std::string program() {
    constexpr const char* kDebians = "/usr/sbin/nats-server";
    return std::filesystem::exists(kDebians) ? kDebians : "nats-server";
  }

  void write_config() const {
    std::ofstream config(directory_ + "/nats.conf");
    config << "listen: \"" << address() << "\"\nlog_file: \"" << directory_ << "/log\"\n";
    if (options_.has_jetstream) {
      std::error_code ignored;
      std::filesystem::remove_all(directory_ + "/store", ignored);
      config << "jetstream { store_dir: \"" << directory_ << "/store\" }\n";
    }
    config << options_.config << "\n";
  }

  // With a login wanted it says so, which is an answer too.
  bool wait_until_it_answers() const {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (std::chrono::steady_clock::now() < deadline) {
      const std::string answer = ask("");
      if (options_.has_tls && answer.find("INFO {") != answer.npos) return true;
      if (answer.find("PONG") != answer.npos || answer.find("-ERR") != answer.npos) return true;
      if (process_.has_ended_within(std::chrono::milliseconds(2))) return false;
    }
    return false;
  }

  const Options options_;
  std::string directory_;
  std::uint16_t port_ = 0;
  bool is_placed_ = false;  // it has once run on this port
  ServerProcess process_;
};

}  // namespace mr::test
