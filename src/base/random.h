#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace mr::base {

// All chance comes from here; tests give a seeded one. Owned by one loop, not thread-safe.
class Random {
 public:
  virtual ~Random() = default;
  // Unpredictable to peers in production (socket ids, masking keys, hash seeds).
  virtual void fill(std::span<std::byte> out) = 0;

  std::uint64_t next() {
    std::uint64_t value = 0;
    fill(std::as_writable_bytes(std::span(&value, 1)));
    return value;
  }
  // Uniform in [0, bound); bound > 0.
  std::uint64_t below(std::uint64_t bound);
};

// The kernel's generator, read in blocks of 4 KiB.
class SystemRandom final : public Random {
 public:
  void fill(std::span<std::byte> out) override;

 private:
  static constexpr std::size_t kBlockBytes = 4096;
  std::byte block_[kBlockBytes];
  std::size_t used_ = kBlockBytes;
};

// Deterministic from its seed: for tests and simulation only.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : state_(seed) {}
  void fill(std::span<std::byte> out) override;

 private:
  std::uint64_t state_;
};

}  // namespace mr::base
