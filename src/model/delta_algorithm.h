#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace mr::model {

// The forms of a delta: the text format of the Fossil version control system, and binary VCDIFF
// (RFC 3284).
enum class DeltaAlgorithm : std::uint8_t { kFossil, kVcdiff };

// "fossil", "xdelta3" or "vcdiff" in any letter case: what clients and configurations write.
std::optional<DeltaAlgorithm> parse_delta_algorithm(std::string_view name);
// "fossil" or "xdelta3": what frames say.
std::string_view wire_name(DeltaAlgorithm algorithm);

// The algorithms that a client decodes, the one it prefers first. Trivial to copy.
class DeltaOffer {
 public:
  // One that is there already keeps its place.
  void add(DeltaAlgorithm algorithm) {
    if (has(algorithm)) return;
    order_[count_++] = algorithm;
  }
  bool has(DeltaAlgorithm algorithm) const {
    return (count_ > 0 && order_[0] == algorithm) || (count_ > 1 && order_[1] == algorithm);
  }
  std::optional<DeltaAlgorithm> preferred() const {
    return count_ == 0 ? std::nullopt : std::optional(order_[0]);
  }
  bool operator==(const DeltaOffer&) const = default;

 private:
  DeltaAlgorithm order_[2] = {};
  std::uint8_t count_ = 0;
};

}  // namespace mr::model
