#pragma once

#include <cstdint>

namespace mr::delta {

// The forms of a delta: the text format of the Fossil version control system, and binary VCDIFF
// (RFC 3284).
enum class Algorithm : std::uint8_t { kFossil, kVcdiff };

}  // namespace mr::delta
