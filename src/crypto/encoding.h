#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace mr::crypto {

// RFC 4648 section 4, with padding.
std::string base64_encode(std::string_view bytes);
// Strict: no white space, padding required, unused bits zero; nullopt otherwise.
std::optional<std::string> base64_decode(std::string_view text);

// Lower case.
std::string hex(std::span<const std::byte> bytes);

// The time depends on the lengths only, never on where the first difference is. For everything
// that a peer may not guess byte by byte.
bool equal_constant_time(std::string_view a, std::string_view b);

}  // namespace mr::crypto
