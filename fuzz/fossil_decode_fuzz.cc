#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "delta/checksum.h"
#include "delta/fossil.h"

// One byte: the size of the base; the base; the delta. What is accepted has the sum that the delta
// ends with and is within the limit, and it survives being written and read again.

namespace {

constexpr std::size_t kTargetBytesMax = 2000;

std::uint32_t sum_at_end(std::string_view delta) {
  constexpr std::string_view kDigits =
      "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~";
  MR_ASSERT(delta.ends_with(';'), "a delta ends with its sum");
  delta.remove_suffix(1);
  std::uint32_t sum = 0;
  for (std::uint32_t shift = 0; shift < 32 && !delta.empty(); shift += 6) {
    const std::size_t digit = kDigits.find(delta.back());
    if (digit == kDigits.npos) break;
    sum += static_cast<std::uint32_t>(digit) << shift;
    delta.remove_suffix(1);
  }
  return sum;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view input(reinterpret_cast<const char*>(bytes), size);
  const std::size_t base_bytes = std::min<std::size_t>(bytes[0], size - 1);
  const std::string base(input.substr(1, base_bytes));
  const std::string delta(input.substr(1 + base_bytes));
  const auto read = mr::delta::decode_fossil(base, delta, kTargetBytesMax);
  if (!read) return 0;
  const std::string& target = read.value();
  MR_ASSERT(target.size() <= kTargetBytesMax, "the limit holds");
  MR_ASSERT(mr::delta::fossil_checksum(target) == sum_at_end(delta), "the sum is checked");
  std::string literal;
  mr::delta::write_fossil(target, {}, literal);
  MR_ASSERT(mr::delta::decode_fossil("", literal, target.size()).value() == target,
            "what was read can be written");
  return 0;
}
