#pragma once

#include <cstdint>

namespace mr::model {

// What goes first where messages have to wait; the higher, the earlier. These numbers are those of
// the API and of the envelopes.
inline constexpr std::uint8_t kLowPriority = 0;
inline constexpr std::uint8_t kUsualPriority = 1;
inline constexpr std::uint8_t kHighPriority = 2;
inline constexpr std::uint8_t kCriticalPriority = 3;  // the highest

}  // namespace mr::model
