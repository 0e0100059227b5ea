#pragma once

#include <cstdint>
#include <string_view>

namespace mr::base {

// Fixed XXH3 (seed 0): the same on every node and in every version, for what places things
// (home loop, bus partition). Hash tables use a random seed instead.
std::uint64_t placing_hash(std::string_view first, std::string_view second);

std::uint64_t seeded_hash(std::string_view text, std::uint64_t seed);

}  // namespace mr::base
