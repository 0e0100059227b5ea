#pragma once

#include <cstdint>
#include <string>

#include "base/function.h"
#include "channel/shared_state.h"

namespace mr::channel {

struct BroadcastEvent;
struct Publish;
struct Released;
struct ShareChange;

// Whom a message that is published now comes to.
enum class Reach : std::uint8_t {
  kAll,   // all nodes
  kHere,  // this node's clients; the others when they can be reached again
  kNone,  // nobody: it is refused while other nodes cannot be reached
};

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
  // Its number on the partition.
  virtual std::uint64_t send(std::uint32_t partition, const Publish& publish) = 0;
  // The same for a message that this node too has only from the broker. Its answer is `done`'s: it
  // is published here as one of another node is, and then released or refused.
  virtual void send_ordered(std::uint32_t /*partition*/, Publish&& /*publish*/,
                            base::Function<void(Released)> /*done*/) {}
  virtual Reach reach() const { return Reach::kAll; }
  // A broadcast of this node, to all connections of the app on the other nodes.
  virtual void broadcast(const std::string& /*app_id*/, const BroadcastEvent& /*event*/) {}
  // What this node holds of a channel has changed.
  virtual void share(const ShareChange& change) = 0;
  // Another node may have a user who seems to be gone: he is not taken for gone at once, and only
  // while all that other nodes hold is known.
  virtual bool are_there() const = 0;
  virtual bool are_known() const = 0;
  // What they have in common beside messages.
  virtual SharedState& shared() = 0;
};

// A node alone.
class NoOtherNodes final : public OtherNodes {
 public:
  void enter(std::uint32_t, base::Task join) override { join(); }
  void follow(std::uint32_t, base::Task task) override { task(); }
  void occupy(std::uint32_t) override {}
  void vacate(std::uint32_t) override {}
  std::uint64_t send(std::uint32_t, const Publish&) override { return 0; }
  void share(const ShareChange&) override {}
  bool are_there() const override { return false; }
  bool are_known() const override { return true; }
  SharedState& shared() override { return shared_; }

 private:
  AloneState shared_;
};

}  // namespace mr::channel
