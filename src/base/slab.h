#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/assert.h"

namespace mr::base {

// Objects of one kind by index, in chunks: addresses are stable, an index is 4 bytes, and memory
// grows with what is used. One loop's. T is default-constructed on acquire and reset on release.
template <class T>
class Slab {
 public:
  static constexpr std::uint32_t kNone = UINT32_MAX;

  std::uint32_t acquire() {
    if (free_.empty()) {
      if (next_ % kChunk == 0) chunks_.push_back(std::make_unique<std::array<T, kChunk>>());
      ++used_;
      return next_++;
    }
    const std::uint32_t index = free_.back();
    free_.pop_back();
    ++used_;
    return index;
  }
  void release(std::uint32_t index) {
    (*this)[index] = T{};
    free_.push_back(index);
    --used_;
  }
  T& operator[](std::uint32_t index) {
    MR_ASSERT(index < next_, "an index outside the slab");
    return (*chunks_[index / kChunk])[index % kChunk];
  }
  const T& operator[](std::uint32_t index) const {
    MR_ASSERT(index < next_, "an index outside the slab");
    return (*chunks_[index / kChunk])[index % kChunk];
  }
  std::size_t used() const { return used_; }
  // One past the highest index ever given.
  std::uint32_t end() const { return next_; }

 private:
  static constexpr std::uint32_t kChunk = 128;
  std::vector<std::unique_ptr<std::array<T, kChunk>>> chunks_;
  std::vector<std::uint32_t> free_;
  std::uint32_t next_ = 0;
  std::size_t used_ = 0;
};

}  // namespace mr::base
