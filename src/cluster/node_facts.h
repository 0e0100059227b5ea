#pragma once

#include <cstdint>
#include <string>

namespace mr::cluster {

// What a node says of itself; it stays as long as the node runs.
struct NodeFacts {
  std::string address;  // where clients and proxies reach it
  std::uint64_t port = 0;
  std::string region;
  std::string version;         // of the program
  std::uint64_t capacity = 0;  // connections that it takes; 0: no limit
  bool operator==(const NodeFacts&) const = default;
};

// What a node measured over the last second or so.
struct NodeLoad {
  std::uint64_t connections = 0;
  std::uint64_t loop_delay_us = 0;  // until its slowest loop took a task
  std::uint64_t cpu_permille = 0;   // of one core: 2000 is two busy cores
  std::uint64_t resident_bytes = 0;
  std::uint64_t queued_bytes = 0;         // that wait for clients and for the broker
  std::uint64_t messages_per_second = 0;  // to clients
  std::uint64_t bytes_per_second = 0;     // to all sockets
  bool operator==(const NodeLoad&) const = default;
};

}  // namespace mr::cluster
