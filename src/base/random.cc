#include "base/random.h"

#include <sys/random.h>

#include <algorithm>
#include <cstring>

#include "base/assert.h"

namespace mr::base {

std::uint64_t Random::below(std::uint64_t bound) {
  MR_ASSERT(bound > 0, "below() needs a bound");
  const std::uint64_t limit = UINT64_MAX - UINT64_MAX % bound;
  std::uint64_t value = next();
  while (value >= limit) value = next();
  return value % bound;
}

void SystemRandom::fill(std::span<std::byte> out) {
  while (!out.empty()) {
    if (used_ == kBlockBytes) {
      std::size_t have = 0;
      while (have < kBlockBytes) {
        const ssize_t n = ::getrandom(block_ + have, kBlockBytes - have, 0);
        if (n > 0) have += static_cast<std::size_t>(n);
      }
      used_ = 0;
    }
    const std::size_t take = std::min(out.size(), kBlockBytes - used_);
    std::memcpy(out.data(), block_ + used_, take);
    std::memset(block_ + used_, 0, take);
    used_ += take;
    out = out.subspan(take);
  }
}

void SeededRandom::fill(std::span<std::byte> out) {
  while (!out.empty()) {
    // splitmix64 (Steele, Lea, Flood 2014)
    std::uint64_t z = (state_ += 0x9E3779B97F4A7C15ULL);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    z ^= z >> 31;
    const std::size_t take = std::min(out.size(), sizeof z);
    std::memcpy(out.data(), &z, take);
    out = out.subspan(take);
  }
}

}  // namespace mr::base
