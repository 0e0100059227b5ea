#pragma once

#include <string>
#include <string_view>

namespace mr::http {

// ASCII only, whatever the locale (RFC 9110 5.6).
char to_lower(char c);
std::string to_lower(std::string_view text);
bool equal_ignoring_case(std::string_view a, std::string_view b);
// Without SP and HTAB at both ends.
std::string_view trim(std::string_view text);
// RFC 9110 5.6.2.
bool is_token_char(char c);

}  // namespace mr::http
