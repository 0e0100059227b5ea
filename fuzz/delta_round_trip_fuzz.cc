#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "delta/encoder.h"

// One byte chooses how base and target come from the rest: both as they are, repeated, or the
// target as a cut-up base. Each algorithm must give the target back, and its limit must be exact.

namespace {

using mr::delta::Algorithm;

constexpr std::size_t kNoLimit = 1 << 20;

// At most 4 KiB.
std::string repeated(std::string_view text, std::size_t times) {
  std::string out;
  for (; times > 0 && out.size() + text.size() <= 4096; --times) out.append(text);
  return out;
}

// Pieces of `text`, as the bytes of `plan` say: where from, how many.
std::string cut_up(std::string_view text, std::string_view plan) {
  std::string out;
  for (std::size_t i = 0; i + 1 < plan.size() && out.size() < 2048; i += 2) {
    const std::size_t from = static_cast<unsigned char>(plan[i]) * text.size() / 256;
    out.append(text.substr(from, static_cast<unsigned char>(plan[i + 1])));
    out.push_back(plan[i]);
  }
  return out;
}

void check(std::string_view base, std::string_view target) {
  static mr::delta::Encoder encoder;  // one for all, as on a loop: nothing may be left over
  std::string delta;
  for (const Algorithm algorithm : {Algorithm::kFossil, Algorithm::kVcdiff}) {
    MR_ASSERT(encoder.encode(algorithm, base, target, kNoLimit, delta), "there is a delta");
    const auto read = mr::delta::decode(algorithm, base, delta, target.size());
    MR_ASSERT(read.ok() && read.value() == target, "a delta gives its target");
    const std::size_t bytes = delta.size();
    MR_ASSERT(encoder.encode(algorithm, base, target, bytes, delta) && delta.size() == bytes,
              "as long as the limit");
    MR_ASSERT(!encoder.encode(algorithm, base, target, bytes - 1, delta), "over the limit");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(bytes) + 2, size - 2);
  const std::size_t middle = rest.size() * bytes[1] / 256;
  const std::string_view first = rest.substr(0, middle);
  const std::string_view second = rest.substr(middle);
  switch (bytes[0] % 4) {
    case 0:
      check(first, second);
      break;
    case 1:
      check(repeated(first, 40), repeated(second, 30));
      break;
    case 2:
      check(first, cut_up(first, second));
      break;
    default:
      check(repeated(first, 5), cut_up(repeated(first, 5), second));
  }
  return 0;
}
