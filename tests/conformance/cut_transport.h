#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include "base/random.h"
#include "conformance/runner.h"

namespace mr::conformance {

// Sends to another transport: the first bytes of the stream one by one, what follows cut at random
// positions. Most cases end before the second part.
class CutTransport final : public Transport {
 public:
  CutTransport(Transport& to, std::size_t single_bytes, std::uint64_t seed)
      : to_(to), single_bytes_left_(single_bytes), random_(seed) {}

  bool send(std::string_view bytes) override {
    while (!bytes.empty()) {
      const std::size_t size = std::min(bytes.size(), next_size());
      if (!to_.send(bytes.substr(0, size))) return false;
      bytes.remove_prefix(size);
    }
    return true;
  }

  Got receive(std::string& into, std::chrono::milliseconds patience) override {
    return to_.receive(into, patience);
  }

 private:
  static constexpr std::size_t kPieceBytesMax = 8 * 1024;

  std::size_t next_size() {
    if (single_bytes_left_ == 0) return 1 + random_.below(kPieceBytesMax);
    --single_bytes_left_;
    return 1;
  }

  Transport& to_;
  std::size_t single_bytes_left_;
  base::SeededRandom random_;
};

}  // namespace mr::conformance
