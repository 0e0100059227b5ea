#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/function.h"

namespace mr::observability {

// A metric's dimension. Values may be hostile text; they are escaped and cut (256 bytes).
struct Label {
  std::string name;
  std::string value;
  friend bool operator==(const Label&, const Label&) = default;
  friend auto operator<=>(const Label&, const Label&) = default;
};
using Labels = std::vector<Label>;

enum class SampleKind : std::uint8_t { kGauge, kCounter };

// A value that its owner keeps as a plain number and tells at scrape. Samples with the same name
// and labels (one from each loop) are added up.
struct GaugeSample {
  std::string name;
  std::string help;
  Labels labels;
  double value = 0;
  SampleKind kind = SampleKind::kGauge;
};

// Who gathers the samples of all loops. `done` runs once, on the calling loop, possibly before
// collect() returns, and within about a second even when a loop hangs: with what the others gave.
class GaugeSource {
 public:
  using Gathered = base::Function<void(std::vector<GaugeSample>)>;
  virtual ~GaugeSource() = default;
  virtual void collect(Gathered done) = 0;
};

}  // namespace mr::observability
