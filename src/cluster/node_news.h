#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "cluster/node_table.h"
#include "cluster/types.h"

namespace mr::cluster {

struct NodeChange {
  enum class Kind : std::uint8_t {
    kJoined,   // its first heartbeat, or the first after it was gone
    kLeft,     // it said so
    kSilent,   // it was silent for the node timeout
    kUpdated,  // another name, status or other facts; its load does not count
  };
  Kind kind = Kind::kJoined;
  NodeLine line;
};

// What operators are told of other nodes: each change once, found by looking at the node table
// again and again. Pure; control loop.
class NodeNews {
 public:
  explicit NodeNews(BootId self) : self_(self) {}

  struct Counters {
    std::uint64_t joined = 0;
    std::uint64_t left = 0;
    std::uint64_t silent = 0;
    std::uint64_t updated = 0;
  };
  std::vector<NodeChange> look(const std::vector<NodeLine>& lines);
  const Counters& counters() const { return counters_; }

 private:
  struct Seen {
    bool is_alive = false;
    bool is_listed = false;  // in the table that is looked at
    std::string name;
    std::string status;
    NodeFacts facts;
  };
  const BootId self_;
  std::map<BootId, Seen> seen_;
  Counters counters_;
};

}  // namespace mr::cluster
