#pragma once

#include <cstdint>
#include <string_view>

namespace mr::delta {

// The sum that ends a Fossil delta: of the text as big-endian 32-bit words, filled with zeros.
std::uint32_t fossil_checksum(std::string_view text);

// CRC-32 as in zlib, gzip and PNG; VCDIFF frames carry it because the form has no checksum.
std::uint32_t crc32(std::string_view text);

}  // namespace mr::delta
