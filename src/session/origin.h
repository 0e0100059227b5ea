#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace mr::session {

// Whether a browser's Origin may connect: an exact match, "*", or one '*' in the pattern
// ("*.example.com", "https://*.example.com"), letters' case ignored, with or without scheme and
// port in the pattern. No list allows all; no Origin header (not a browser) is allowed.
bool is_origin_allowed(const std::vector<std::string>& allowed, std::string_view origin);

}  // namespace mr::session
