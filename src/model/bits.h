#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace mr::model {

// A set of small numbers; as long as its highest ever.
class Bits {
 public:
  bool test(std::uint32_t number) const {
    const std::size_t word = number / kWordBits;
    return word < words_.size() && (words_[word] >> (number % kWordBits) & 1) != 0;
  }
  void set(std::uint32_t number) {
    const std::size_t word = number / kWordBits;
    if (word >= words_.size()) words_.resize(word + 1);
    words_[word] |= std::uint64_t{1} << (number % kWordBits);
  }
  void reset(std::uint32_t number) {
    const std::size_t word = number / kWordBits;
    if (word < words_.size()) words_[word] &= ~(std::uint64_t{1} << (number % kWordBits));
  }
  // Memory outside this object.
  std::size_t bytes() const { return words_.capacity() * sizeof(std::uint64_t); }

 private:
  static constexpr std::uint32_t kWordBits = 64;
  std::vector<std::uint64_t> words_;
};

}  // namespace mr::model
