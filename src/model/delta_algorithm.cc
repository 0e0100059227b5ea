#include "model/delta_algorithm.h"

#include <algorithm>

namespace mr::model {
namespace {

bool equal_in_any_case(std::string_view text, std::string_view lower) {
  return std::equal(text.begin(), text.end(), lower.begin(), lower.end(), [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a + ('a' - 'A')) : a) == b;
  });
}

}  // namespace

std::optional<DeltaAlgorithm> parse_delta_algorithm(std::string_view name) {
  if (equal_in_any_case(name, "fossil")) return DeltaAlgorithm::kFossil;
  if (equal_in_any_case(name, "xdelta3") || equal_in_any_case(name, "vcdiff")) {
    return DeltaAlgorithm::kVcdiff;
  }
  return std::nullopt;
}

std::string_view wire_name(DeltaAlgorithm algorithm) {
  return algorithm == DeltaAlgorithm::kFossil ? "fossil" : "xdelta3";
}

}  // namespace mr::model
