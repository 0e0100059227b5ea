#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/percent.h"

namespace mr::http {

// Decoded names and values in the order of the query; names may repeat.
using Params = std::vector<std::pair<std::string, std::string>>;

// application/x-www-form-urlencoded (WHATWG URL 5.1): '&' between pairs, '+' is a space, %XX.
// Empty pairs are skipped, a pair without '=' has an empty value. Nothing on a broken %XX
// escape or more than kParamsMax pairs.
inline constexpr std::size_t kParamsMax = 256;
std::optional<Params> parse_query(std::string_view query);

// The first value of that name, or null.
const std::string* find_param(const Params& params, std::string_view name);

using base::percent_decode;
using base::percent_encode;

}  // namespace mr::http
