#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/redis_server.h"

namespace mr::test {

// A Redis Cluster of three primaries, each with a replica: six real processes of this test alone,
// the slots in equal thirds. The servers 0 to 2 are the primaries at first, 3 to 5 their replicas.
class RedisClusterGroup {
 public:
  struct Options {
    std::chrono::milliseconds node_timeout{60'000};  // until a replica takes over
    std::vector<std::string> arguments{};            // of all servers
    std::string tls_ca_file{};                       // with it they speak TLS, to each other too
    Authority::Certificate tls{};
  };

  RedisClusterGroup() : RedisClusterGroup(Options()) {}
  explicit RedisClusterGroup(const Options& options) {
    for (int i = 0; i < 6; ++i) {
      RedisServer::Options with;
      with.port = free_port_with_bus();
      with.arguments = {"--cluster-enabled",
                        "yes",
                        "--cluster-node-timeout",
                        std::to_string(options.node_timeout.count()),
                        "--cluster-config-file",
                        "nodes-" + std::to_string(with.port) + ".conf",
                        "--cluster-replica-validity-factor",
                        "0",
                        "--repl-diskless-sync-delay",
                        "0"};
      with.tls_ca_file = options.tls_ca_file;
      with.tls = options.tls;
      if (!options.tls_ca_file.empty()) {
        with.tls_port = free_port_with_bus();
        with.arguments.insert(with.arguments.end(), {"--tls-cluster", "yes"});
      }
      with.arguments.insert(with.arguments.end(), options.arguments.begin(),
                            options.arguments.end());
      servers.push_back(std::make_unique<RedisServer>(with));
      servers.back()->start();
      ids.push_back(word(*servers.back(), "CLUSTER MYID"));
    }
    meet();
    replicate();
  }

  // After all were killed: until they serve. A primary takes no commands in its first two seconds.
  void start() const {
    for (const auto& server : servers) server->start();
    for (const auto& server : servers) wait_for(*server, "CLUSTER INFO", "cluster_state:ok");
  }
  // All keys.
  void forget() const {
    for (std::size_t i = 0; i < 3; ++i) servers[i]->ask("FLUSHALL");
  }
  // The primary of a slot as the server `asked` sees it; null: none of ours.
  RedisServer* owner(std::uint16_t slot, std::size_t asked = 0) const {
    const std::string nodes = servers[asked]->ask("CLUSTER NODES");
    for (std::size_t i = 0; i < servers.size(); ++i) {
      const std::string line = line_of(ids[i], nodes);
      if (line.find("master") == line.npos || line.find("fail") != line.npos) continue;
      if (has_slot(line, slot)) return servers[i].get();
    }
    return nullptr;
  }
  // The slot and all in it, as redis-cli does it. Returns when all primaries know its new owner's
  // epoch: one that moves it on before takes an older epoch for it than the last owner had, and
  // then the servers never agree where it is.
  void move_slot(std::uint16_t slot, std::size_t from, std::size_t to) const {
    const std::string which = std::to_string(slot);
    servers[to]->ask("CLUSTER SETSLOT " + which + " IMPORTING " + ids[from]);
    servers[from]->ask("CLUSTER SETSLOT " + which + " MIGRATING " + ids[to]);
    for (const std::size_t each : {to, from, std::size_t{0}, std::size_t{1}, std::size_t{2}}) {
      servers[each]->ask("CLUSTER SETSLOT " + which + " NODE " + ids[to]);
    }
    const std::string epoch = epoch_of(to, to);
    const auto is_known = [&](std::size_t asked) { return epoch_of(to, asked) == epoch; };
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!is_known(0) || !is_known(1) || !is_known(2)) {
      if (std::chrono::steady_clock::now() < deadline) continue;
      FAIL() << "not all servers know the epoch " << epoch << " of " << ids[to];
    }
  }

  std::vector<std::unique_ptr<RedisServer>> servers;
  std::vector<std::string> ids;

 private:
  // The cluster's own port is 10000 above it.
  static std::uint16_t free_port_with_bus() {
    std::uint16_t port = free_port();
    while (port > 55'000) port = free_port();
    return port;
  }
  static std::string word(const RedisServer& server, std::string_view line) {
    const std::string answer = server.ask(line);
    const std::size_t begin = answer.find("\r\n") + 2;
    return answer.substr(begin, answer.find("\r\n", begin) - begin);
  }
  // Empty: `nodes` has none.
  static std::string line_of(const std::string& id, const std::string& nodes) {
    const std::size_t at = nodes.find("\n" + id);
    if (at == nodes.npos) return {};
    return nodes.substr(at + 1, nodes.find('\n', at + 1) - at - 1);
  }
  // The configuration epoch of a server as another sees it.
  std::string epoch_of(std::size_t server, std::size_t asked) const {
    std::istringstream words(line_of(ids[server], servers[asked]->ask("CLUSTER NODES")));
    std::string epoch;
    for (int i = 0; i < 7; ++i) words >> epoch;
    return epoch;
  }
  static bool has_slot(const std::string& line, std::uint16_t slot) {
    std::istringstream words(line);
    std::string word;
    for (int i = 0; words >> word; ++i) {
      if (i < 8 || word.starts_with('[')) continue;
      const std::size_t dash = word.find('-');
      const int first = std::stoi(word.substr(0, dash));
      const int last = dash == word.npos ? first : std::stoi(word.substr(dash + 1));
      if (slot >= first && slot <= last) return true;
    }
    return false;
  }

  void meet() const {
    const std::pair<int, int> thirds[] = {{0, 5460}, {5461, 10922}, {10923, 16383}};
    for (std::size_t i = 0; i < servers.size(); ++i) {
      servers[i]->ask("CLUSTER SET-CONFIG-EPOCH " + std::to_string(i + 1));
      servers[0]->ask("CLUSTER MEET 127.0.0.1 " + std::to_string(servers[i]->main_port()));
      if (i < 3) {
        servers[i]->ask("CLUSTER ADDSLOTSRANGE " + std::to_string(thirds[i].first) + " " +
                        std::to_string(thirds[i].second));
      }
    }
    for (const auto& server : servers) {
      wait_for(*server, "CLUSTER INFO", "cluster_known_nodes:6");
      wait_for(*server, "CLUSTER INFO", "cluster_state:ok");
    }
  }
  void replicate() const {
    for (std::size_t i = 3; i < 6; ++i) {
      wait_for(*servers[i], "CLUSTER REPLICATE " + ids[i - 3], "+OK");
    }
    for (std::size_t i = 3; i < 6; ++i) {
      wait_for(*servers[i], "INFO replication", "master_link_status:up");
      wait_for(*servers[0], "CLUSTER REPLICAS " + ids[i - 3], ids[i]);
    }
  }
  static void wait_for(const RedisServer& server, const std::string& line, std::string_view with) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    std::string answer;
    do {
      answer = server.ask(line);
      if (answer.find(with) != answer.npos) return;
    } while (std::chrono::steady_clock::now() < deadline);
    ADD_FAILURE() << line << " does not answer " << with << " but " << answer;
  }
};

}  // namespace mr::test
