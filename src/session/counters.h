#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace mr::session {

// Why a connection ended, for the counter's label.
enum class Ending : std::uint8_t {
  kClient,        // the client closed, or its socket went away
  kProtocol,      // broke RFC 6455: 1002, 1007, 1009
  kApp,           // 4001, 4003
  kQuota,         // 4004, 4100 limits
  kUnauthorized,  // 4009
  kSlow,          // 4100: too much waited for it
  kDrain,         // 4200
  kPong,          // 4201
  kIdle,          // 4202
  kDuration,      // 4200 after max_duration
  kCount,
};
const char* to_text(Ending ending);

enum class Refusal : std::uint8_t {
  kBadFrame,     // not a protocol message
  kBadChannel,   // name
  kAuth,         // signature
  kLimit,        // subscriptions, presence
  kClientEvent,  // switched off, wrong channel, not subscribed, too large
  kClientEventRate,
  kFilter,      // not of the grammar, or switched off
  kDeltaSync,   // delta_sync_error without deltas on that channel
  kOverloaded,  // the channel's FIFO was full
  kCutOff,      // other nodes could not be reached
  kCount,
};
const char* to_text(Refusal refusal);

// Of one loop; read at scrape on that loop.
struct Counters {
  std::uint64_t opened = 0;
  std::uint64_t frames_in = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t pings_sent = 0;
  std::uint64_t client_events = 0;
  std::uint64_t subscribed = 0;
  std::uint64_t gaps_told = 0;
  std::uint64_t broadcasts = 0;          // to connections
  std::uint64_t broadcasts_dropped = 0;  // for connections that do not read
  std::uint64_t deltas_over_limit = 0;   // subscriptions that are plain for want of a place
  std::uint64_t delta_resyncs = 0;       // delta_sync_errors that were answered
  std::uint64_t delta_resyncs_late = 0;
  std::array<std::uint64_t, static_cast<std::size_t>(Ending::kCount)> ended{};
  std::array<std::uint64_t, static_cast<std::size_t>(Refusal::kCount)> refused{};

  void end(Ending why) { ++ended[static_cast<std::size_t>(why)]; }
  void refuse(Refusal why) { ++refused[static_cast<std::size_t>(why)]; }
};

}  // namespace mr::session
