#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "http/parser.h"

// The first byte says whether the answers are to HEAD, the next three cut the rest.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  static const mr::http::Options options = [] {
    mr::http::Options small;
    small.header_bytes_max = 512;
    small.body_bytes_max = 256;
    return small;
  }();
  constexpr std::size_t kHead = 4;
  if (size < kHead) return 0;
  std::string_view input(reinterpret_cast<const char*>(bytes) + kHead, size - kHead);
  mr::http::ResponseParser parser(options);
  parser.expect((bytes[0] & 1) != 0);
  std::size_t next = 1;
  while (!input.empty()) {
    std::string_view piece = input.substr(0, 1 + bytes[next] % 64);
    next = next == kHead - 1 ? 1 : next + 1;
    const auto progress = parser.consume(piece);
    if (!progress) return 0;
    if (progress.value().consumed > piece.size()) std::abort();
    if (progress.value().consumed == 0 && !progress.value().complete) std::abort();
    input.remove_prefix(progress.value().consumed);
    if (progress.value().complete && parser.take().body.size() > options.body_bytes_max) {
      std::abort();
    }
  }
  if (parser.finish()) parser.take();
  return 0;
}
