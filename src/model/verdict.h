#pragma once

#include <cstdint>

namespace mr::model {

// What the node where a message entered decided for all nodes: whether it is in its channel's
// chains, and whether it is full there for the sake of the interval. The numbers are on the bus.
enum class Verdict : std::uint8_t {
  kNone = 0,   // nothing: every node decides for itself
  kPlain = 1,  // outside the chains
  kDelta = 2,  // inside; a node may still have a reason of its own to make it full
  kFull = 3,
};
inline constexpr std::uint8_t kVerdictMax = 3;

}  // namespace mr::model
