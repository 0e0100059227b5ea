#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "support/redis_server.h"

namespace mr::test {

// A primary with two replicas and three sentinels that watch them as "mymaster": real processes of
// this test alone.
class SentinelGroup {
 public:
  struct Options {
    std::chrono::milliseconds down_after{60'000};  // until they elect another primary
    std::string password{};                        // of the sentinels; empty: none
    std::string tls_ca_file{};                     // with it they and the servers speak TLS
    Authority::Certificate tls{};
  };

  SentinelGroup() : SentinelGroup(Options()) {}
  explicit SentinelGroup(const Options& options) {
    start_servers(options);
    start_sentinels(options);
  }

  // As the sentinels say; null: none of the servers.
  RedisServer* primary() const {
    for (const auto& server : servers) {
      if (is_named(*sentinels[0], *server)) return server.get();
    }
    return nullptr;
  }
  // Whether it takes writes, and all sentinels name it.
  bool is_primary(const RedisServer& server) const {
    if (server.ask("ROLE").find("master") == std::string::npos) return false;
    for (const auto& sentinel : sentinels) {
      if (!is_named(*sentinel, server)) return false;
    }
    return true;
  }
  std::vector<net::Address> addresses() const {
    std::vector<net::Address> all;
    for (const auto& sentinel : sentinels) all.push_back({"127.0.0.1", sentinel->main_port()});
    return all;
  }

  std::vector<std::unique_ptr<RedisServer>> servers;  // the first one is the primary at first
  std::vector<std::unique_ptr<RedisServer>> sentinels;

 private:
  static bool is_named(const RedisServer& sentinel, const RedisServer& server) {
    const std::string answer = sentinel.ask("SENTINEL GET-MASTER-ADDR-BY-NAME mymaster");
    return answer.find("\r\n" + std::to_string(server.main_port()) + "\r\n") != std::string::npos;
  }

  void start_servers(const Options& options) {
    for (int i = 0; i < 3; ++i) {
      RedisServer::Options with;
      with.arguments = {"--repl-diskless-sync-delay", "0", "--repl-timeout", "5"};
      with.tls_ca_file = options.tls_ca_file;
      with.tls = options.tls;
      if (i > 0) {
        with.arguments.insert(with.arguments.end(), {"--replicaof", "127.0.0.1",
                                                     std::to_string(servers[0]->main_port())});
      }
      servers.push_back(std::make_unique<RedisServer>(with));
      servers.back()->start();
    }
    for (int i = 1; i < 3; ++i) {
      EXPECT_TRUE(answers(*servers[i], "INFO replication", "master_link_status:up"));
    }
  }

  void start_sentinels(const Options& options) {
    const std::string primary = std::to_string(servers[0]->main_port());
    std::string lines = "sentinel monitor mymaster 127.0.0.1 " + primary + " 2\n" +
                        "sentinel down-after-milliseconds mymaster " +
                        std::to_string(options.down_after.count()) +
                        "\nsentinel failover-timeout mymaster 5000\n";
    if (!options.password.empty()) {
      lines +=
          "requirepass " + options.password + "\nsentinel sentinel-pass " + options.password + "\n";
    }
    // They know each other and the replicas from the start: finding them takes ten seconds.
    for (int i = 1; i < 3; ++i) lines += "sentinel known-replica mymaster 127.0.0.1 " + port_of(i);
    std::vector<std::uint16_t> ports(3);
    for (std::uint16_t& port : ports) port = free_port();
    for (std::size_t i = 0; i < 3; ++i) {
      RedisServer::Options with;
      with.tls_ca_file = options.tls_ca_file;
      with.tls = options.tls;
      (with.tls_ca_file.empty() ? with.port : with.tls_port) = ports[i];
      with.sentinel = lines + "sentinel myid " + id_of(i) + "\n";
      for (std::size_t k = 0; k < 3; ++k) {
        if (k == i) continue;
        with.sentinel += "sentinel known-sentinel mymaster 127.0.0.1 " + std::to_string(ports[k]) +
                         " " + id_of(k) + "\n";
      }
      sentinels.push_back(std::make_unique<RedisServer>(with));
      sentinels.back()->start();
    }
  }

  std::string port_of(int server) const {
    return std::to_string(servers[static_cast<std::size_t>(server)]->main_port()) + "\n";
  }
  static std::string id_of(std::size_t sentinel) {
    return std::string(40, static_cast<char>('a' + sentinel));
  }

  static bool answers(const RedisServer& server, std::string_view line, std::string_view with) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (server.ask(line).find(with) == std::string::npos) {
      if (std::chrono::steady_clock::now() > deadline) return false;
    }
    return true;
  }
};

}  // namespace mr::test
