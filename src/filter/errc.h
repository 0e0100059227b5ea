#pragma once

#include <cstdint>

namespace mr::filter {

// Why a filter of a client is refused.
enum class Errc : std::uint8_t {
  kNotJson,      // not JSON at all
  kShape,        // JSON, but not of the grammar
  kLimit,        // over one of the limits of filter.h
  kUnsupported,  // a part that this server does not know: `expression`
};

const char* describe(Errc code);

}  // namespace mr::filter
