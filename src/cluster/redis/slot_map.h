#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cluster/redis/reply.h"
#include "cluster/redis/slots.h"
#include "net/types.h"

namespace mr::cluster::redis {

// What CLUSTER INFO says of a cluster.
struct ClusterState {
  bool is_ok = false;       // it takes commands
  std::uint64_t epoch = 0;  // rises with each failover and each move of a slot
};
ClusterState read_cluster_info(std::string_view text);

// "MOVED 3999 10.0.0.1:6381" or "ASK 3999 10.0.0.1:6381".
struct Redirection {
  bool is_ask = false;  // for one command: the slot is about to move
  std::uint16_t slot = 0;
  net::Address to;
};
// Nothing: the error is none. A missing host is that of the server that answered.
std::optional<Redirection> read_redirection(std::string_view error, std::string_view host);

enum class SlotMapErrc : std::uint8_t { kNoMap };

// Which server, a primary, each slot is on.
class SlotMap {
 public:
  // Of the answer to CLUSTER SLOTS; a server without a host is at `host`, which answered.
  static base::Result<SlotMap, SlotMapErrc> read(const Reply& reply, std::string_view host);

  bool is_empty() const { return servers_.empty(); }
  // Nothing: nobody has the slot.
  const net::Address* owner(std::uint16_t slot) const;
  void move(std::uint16_t slot, const net::Address& to);
  // All that have a slot.
  std::vector<net::Address> owners() const;
  bool operator==(const SlotMap& other) const;

 private:
  static constexpr std::uint16_t kNobody = UINT16_MAX;

  std::uint16_t number_of(const net::Address& server);

  std::vector<std::uint16_t> by_slot_ = std::vector<std::uint16_t>(kSlots, kNobody);
  std::vector<net::Address> servers_;
};

bool is_same(const net::Address& one, const net::Address& other);

}  // namespace mr::cluster::redis
