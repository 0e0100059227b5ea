#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace mr::base {

// RFC 3986 2.1; nothing on a broken escape.
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space = false);
// Everything but unreserved characters (RFC 3986 2.3) as %XX.
std::string percent_encode(std::string_view text);

}  // namespace mr::base
