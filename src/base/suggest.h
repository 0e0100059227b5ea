#pragma once

#include <span>
#include <string>
#include <string_view>

namespace mr::base {

// Insertions, deletions, replacements and swaps of neighbours between two words. Words longer than
// 64 bytes are compared by their first 64.
std::size_t edit_distance(std::string_view a, std::string_view b);

// The candidate with the smallest distance, if it is at most a third of the word's length (and at
// least 1 is allowed); else, and for words of more than 64 bytes, empty.
std::string nearest(std::string_view word, std::span<const std::string> candidates);

}  // namespace mr::base
