#pragma once

#include <cstddef>
#include <string_view>

namespace mr::base {

// At most `bytes_max` of the text, cut between characters of UTF-8.
std::string_view cut_utf8(std::string_view text, std::size_t bytes_max);

}  // namespace mr::base
