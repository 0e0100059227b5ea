#pragma once

#include <array>
#include <cstdint>

namespace mr::http {

// Why a connection or request was refused before the service saw it.
enum class Refusal : std::uint8_t {
  kTooManyConnections,  // 503
  kHeaderTimeout,       // 408, or closed in silence when nothing had come
  kBodyTimeout,         // 408
  kWriteTimeout,        // the peer does not read its answers
  kBadRequest,          // 400
  kBodyTooLarge,        // 413
  kBodyBudget,          // 503: too many bodies at once
  kHeadersTooLarge,     // 414, 431
  kNotSupported,        // 417, 501, 505
  kDraining,            // 503 to an upgrade
  kCount,
};
// For the counter's label.
const char* to_text(Refusal refusal);

// Counts of one pool. Written by the pool's loop; its owner reads it on that loop.
struct Counters {
  std::uint64_t accepted = 0;
  std::uint64_t requests = 0;  // complete and handed to the service, upgrades included
  std::uint64_t upgrades = 0;  // taken over by the service
  std::array<std::uint64_t, 6> responses{};  // by class: [2] is 2xx
  std::array<std::uint64_t, static_cast<std::size_t>(Refusal::kCount)> refused{};

  std::uint64_t& of(Refusal why) { return refused[static_cast<std::size_t>(why)]; }
  std::uint64_t of(Refusal why) const { return refused[static_cast<std::size_t>(why)]; }
};

}  // namespace mr::http
