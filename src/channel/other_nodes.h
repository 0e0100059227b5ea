#pragma once

#include <cstdint>

#include "base/function.h"

namespace mr::channel {

struct Publish;

// The other nodes, as one home loop sees them, owned by this folder. Channels are placed on bus
// partitions; a partition is heard from other nodes while some channel of it is occupied here. One
// per loop; on that loop only.
class OtherNodes {
 public:
  virtual ~OtherNodes() = default;

  // Runs `join` when the partition is heard: at once as a rule, and in the order of the calls. Its
  // occupant is to come.
  virtual void enter(std::uint32_t partition, base::Task join) = 0;
  // Runs `task` behind every join that waits there; at once as a rule.
  virtual void follow(std::uint32_t partition, base::Task task) = 0;
  // A channel of the partition has its first subscriber; its last one went.
  virtual void occupy(std::uint32_t partition) = 0;
  virtual void vacate(std::uint32_t partition) = 0;
  // A message of this node was released here; the others get it in the order of these calls.
  virtual void send(std::uint32_t partition, const Publish& publish) = 0;
};

// A node alone.
class NoOtherNodes final : public OtherNodes {
 public:
  void enter(std::uint32_t, base::Task join) override { join(); }
  void follow(std::uint32_t, base::Task task) override { task(); }
  void occupy(std::uint32_t) override {}
  void vacate(std::uint32_t) override {}
  void send(std::uint32_t, const Publish&) override {}
};

}  // namespace mr::channel
