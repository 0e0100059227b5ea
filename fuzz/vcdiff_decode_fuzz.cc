#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "delta/vcdiff.h"

// One byte: the size of the base; the base; the delta. What is accepted is within the limit, is
// the same the second time, and survives being written and read again.

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  constexpr std::size_t kTargetBytesMax = 2000;
  if (size == 0) return 0;
  const std::string_view input(reinterpret_cast<const char*>(bytes), size);
  const std::size_t base_bytes = std::min<std::size_t>(bytes[0], size - 1);
  const std::string base(input.substr(1, base_bytes));
  const std::string delta(input.substr(1 + base_bytes));
  const auto read = mr::delta::decode_vcdiff(base, delta, kTargetBytesMax);
  if (!read) return 0;
  const std::string& target = read.value();
  MR_ASSERT(target.size() <= kTargetBytesMax, "the limit holds");
  MR_ASSERT(mr::delta::decode_vcdiff(base, delta, target.size()).value() == target,
            "a delta has one meaning");
  mr::delta::VcdiffWriter writer;
  std::string literal;
  writer.write(base.size(), target, {}, literal);
  MR_ASSERT(mr::delta::decode_vcdiff(base, literal, target.size()).value() == target,
            "what was read can be written");
  return 0;
}
