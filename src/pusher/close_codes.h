#pragma once

#include <cstdint>
#include <string_view>

namespace mr::pusher {

// Codes of `pusher:error` and of the close frame after it. What pusher-js does: 4001-4099 it never
// reconnects, 4100-4199 after a second, 4200-4299 at once. 43xx go out as `pusher:error` only: as
// a close code they would stop a client for ever.
enum class CloseCode : std::uint16_t {
  kAppUnknown = 4001,
  kAppDisabled = 4003,
  kOverQuota = 4004,     // the app's connection limit
  kUnauthorized = 4009,  // not signed in in time, terminated by the app, origin refused
  kOverCapacity = 4100,  // the node's limits, a reader that is too slow
  kReconnect = 4200,     // the node drains
  kPongMissing = 4201,
  kInactive = 4202,
  kChannelRefused = 4300,      // frame only: bad channel name, presence limits
  kClientEventRefused = 4301,  // frame only
  kWatchlistRefused = 4302,    // frame only
};

// The text that goes with the code when there is nothing better to say.
std::string_view message(CloseCode code);
// False: only `pusher:error` is sent and the connection stays open.
bool closes(CloseCode code);

constexpr int number(CloseCode code) { return static_cast<int>(code); }

}  // namespace mr::pusher
