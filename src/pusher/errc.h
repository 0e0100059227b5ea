#pragma once

#include <cstdint>

namespace mr::pusher {

// What is wrong with a frame of a client or with a signed piece of it.
enum class Errc : std::uint8_t {
  kNotJson,         // not JSON, too deep or too large
  kNotAnObject,     // JSON, but no object
  kEventMissing,    // no `event` member, not a string or empty
  kChannelMissing,  // a channel is needed here and there is none, or it is not a string
  kDataShape,       // `data` is neither the object wanted nor a JSON string of it
  kUserIdMissing,   // no user_id (presence) or id (user data), empty, or neither text nor number
};

const char* describe(Errc code);

}  // namespace mr::pusher
