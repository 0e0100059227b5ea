#pragma once

#include <array>
#include <cstdint>

#include "api/errc.h"

namespace mr::api {

// Counts of one PusherApi. Written by its loop; its owner reads it on that loop.
struct Counters {
  std::uint64_t requests = 0;  // preflights included
  std::uint64_t events = 0;    // accepted, one per channel
  std::uint64_t queries = 0;
  std::uint64_t repeated = 0;  // answered with an earlier answer: idempotency key or replay
  std::array<std::uint64_t, static_cast<std::size_t>(Errc::kCount)> refused{};

  std::uint64_t& of(Errc why) { return refused[static_cast<std::size_t>(why)]; }
  std::uint64_t of(Errc why) const { return refused[static_cast<std::size_t>(why)]; }
};

}  // namespace mr::api
