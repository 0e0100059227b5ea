#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace mr::fuzz {

// Cuts an input into pieces whose sizes come from the input itself. The first byte chooses how
// fine; then the sizes follow from a generator seeded by it, so that no bytes of the stream are
// spent on them and a corpus entry stays readable.
class Chunks {
 public:
  explicit Chunks(std::span<const std::uint8_t> input) : rest_(input) {
    if (rest_.empty()) return;
    seed_ = rest_[0];
    rest_ = rest_.subspan(1);
  }

  std::span<const std::uint8_t> stream() const { return rest_; }
  bool done() const { return rest_.empty(); }

  // Seed 0: one byte at a time; else up to `seed` bytes.
  std::span<const std::uint8_t> next() {
    state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL + seed_;
    std::size_t size = seed_ == 0 ? 1 : 1 + (state_ >> 33) % seed_;
    if (size > rest_.size()) size = rest_.size();
    const auto piece = rest_.first(size);
    rest_ = rest_.subspan(size);
    return piece;
  }

 private:
  std::span<const std::uint8_t> rest_;
  std::uint64_t seed_ = 0;
  std::uint64_t state_ = 0;
};

}  // namespace mr::fuzz
