#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "cluster/messages.h"

namespace mr::cluster {

// Broadcasts that go out and come in, on the control subject. They are numbered before anything can
// drop them, so that what is lost is counted where it is missed. Control loop.
class Broadcasts {
 public:
  struct Counters {
    std::uint64_t sent = 0;
    std::uint64_t heard = 0;    // of other nodes
    std::uint64_t missed = 0;   // of other nodes, by their numbers
    std::uint64_t dropped = 0;  // own ones: too many waited for the broker
  };

  explicit Broadcasts(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  // Numbers it, and keeps it until next() takes it; of too many the oldest go.
  void enqueue(BroadcastMessage message);
  std::optional<BroadcastMessage> next();
  // A node that has published nothing yet: its first number is 1.
  void begin(BootId boot);
  // False: it was here already.
  bool hear(BootId from, std::uint64_t number);
  void forget(BootId boot);
  const Counters& counters() const { return counters_; }

 private:
  static std::size_t bytes_of(const BroadcastMessage& message);

  const std::size_t bytes_max_;
  std::deque<BroadcastMessage> queue_;
  std::size_t queued_bytes_ = 0;
  std::uint64_t given_ = 0;
  std::vector<std::pair<BootId, std::uint64_t>> last_;  // number heard of each node
  Counters counters_;
};

}  // namespace mr::cluster
