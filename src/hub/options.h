#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace mr::hub {

enum class SlowPolicy : std::uint8_t { kClose, kDropOldest };

struct Options {
  // Frames waiting behind the one being written, per connection, and what the kernel holds of it
  // unsent.
  std::size_t queue_bytes_max = 64 * 1024;
  SlowPolicy slow_policy = SlowPolicy::kClose;
  // A channel's log on one loop. Over it everything is written at once, whatever it takes, and who
  // still cannot follow is handled by the policy.
  std::size_t log_bytes_max = 1 << 20;
  // Replies and control frames have their own small reserve.
  std::size_t reply_bytes_max = 1 << 20;
  // Chains of a channel, by their places, for which it is remembered that a subscriber missed the
  // newest message. Missing one of another chain makes the next of every chain full for it.
  std::uint32_t behind_slots_max = 64 * 1024;
};

}  // namespace mr::hub
