#pragma once

#include <string>
#include <string_view>

namespace mr::observability {

// Appends hostile text so that it can neither leave a JSON string nor steer a terminal: quotes,
// backslashes, control characters (C0, DEL, C1), line and paragraph separators and direction
// marks become escapes of RFC 8259 section 7, invalid UTF-8 becomes U+FFFD.
void append_escaped(std::string& out, std::string_view text);

// The text as valid UTF-8, each wrong byte replaced by U+FFFD.
std::string to_valid_utf8(std::string_view text);

}  // namespace mr::observability
