#pragma once

#include <string>
#include <string_view>

namespace mr::json {

// The text with every number outside strings that is well formed but could overflow 64 bits or a
// double replaced by 0, so that a reader with machine numbers accepts it; everything else is kept.
// Internal to json/; `text` may be any bytes.
std::string without_large_numbers(std::string_view text);

}  // namespace mr::json
