#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "client/delta_reader.h"
#include "json/parser.h"

// Frames of a server, a line each. Whatever they hold: a message that comes out is JSON, a loss has
// its reason, and what is held stays within its limits.

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using mr::client::DeltaReader;
  constexpr std::size_t kTextMax = 512;
  constexpr std::size_t kHeldMax = 1024;
  constexpr std::size_t kInputMax = 1 << 20;
  DeltaReader reader({kTextMax, kHeldMax, 2});
  mr::json::Parser parser(kInputMax);
  std::string_view input(reinterpret_cast<const char*>(bytes), size);
  while (!input.empty()) {
    const std::size_t end = std::min(input.find('\n'), input.size());
    const DeltaReader::Result result = reader.take(input.substr(0, end));
    if (result.outcome == DeltaReader::Outcome::kMessage) {
      const auto read = parser.parse(result.text);
      MR_ASSERT(read.ok() && read.value().is_object(), "an envelope");
    }
    MR_ASSERT((result.outcome == DeltaReader::Outcome::kLost) == !result.why.empty(), "a reason");
    MR_ASSERT(reader.held_bytes() <= kHeldMax, "bounded");
    input.remove_prefix(std::min(end + 1, input.size()));
  }
  return 0;
}
