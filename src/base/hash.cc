#include "base/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace mr::base {

std::uint64_t placing_hash(std::string_view first, std::string_view second) {
  const std::uint64_t seed = XXH3_64bits(first.data(), first.size());
  return XXH3_64bits_withSeed(second.data(), second.size(), seed);
}

std::uint64_t seeded_hash(std::string_view text, std::uint64_t seed) {
  return XXH3_64bits_withSeed(text.data(), text.size(), seed);
}

}  // namespace mr::base
