#pragma once

#include <cstdint>

namespace mr::delta {

// Why a delta was refused. Nothing of a refused delta is used.
enum class Errc : std::uint8_t {
  kTruncated,    // ends within a number, a literal or a section
  kSyntax,       // not a delta of this form
  kUnsupported,  // an extension of VCDIFF that plain RFC 3284 decoders do not have
  kTooLarge,     // the target is over the caller's limit
  kOutOfBounds,  // a copy from outside the base or from text that is not there yet
  kSize,         // the commands make a target longer or shorter than announced
  kChecksum,     // the delta belongs to another base, or bytes were damaged
  kTrailing,     // bytes after the end
};

}  // namespace mr::delta
