#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "http/parser.h"

namespace {

using mr::http::Options;
using mr::http::Request;
using mr::http::RequestParser;

struct Outcome {
  std::vector<Request> requests;
  int status = 0;
};

// Pieces as long as the bytes of `sizes` say, or all at once when it is empty.
Outcome run(std::string_view input, std::string_view sizes, const Options& options) {
  Outcome outcome;
  RequestParser parser(options);
  std::size_t next = 0;
  while (!input.empty()) {
    std::size_t size = input.size();
    if (!sizes.empty()) size = 1 + static_cast<unsigned char>(sizes[next++ % sizes.size()]) % 32;
    std::string_view piece = input.substr(0, size);
    input.remove_prefix(piece.size());
    while (!piece.empty()) {
      const auto progress = parser.consume(piece);
      if (!progress) {
        outcome.status = status_of(progress.error().code);
        return outcome;
      }
      if (progress.value().consumed > piece.size()) std::abort();
      if (progress.value().consumed == 0 && !progress.value().complete) std::abort();
      piece.remove_prefix(progress.value().consumed);
      if (progress.value().complete) {
        outcome.requests.push_back(parser.take());
        if (outcome.requests.back().body.size() > options.body_bytes_max) std::abort();
      }
    }
  }
  return outcome;
}

}  // namespace

// The first bytes cut the rest: whatever the pieces, the requests are the same.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  static const Options options = [] {
    Options small;
    small.header_bytes_max = 512;
    small.body_bytes_max = 256;
    return small;
  }();
  constexpr std::size_t kSizes = 4;
  if (size < kSizes) return 0;
  const std::string_view all(reinterpret_cast<const char*>(bytes), size);
  const Outcome cut = run(all.substr(kSizes), all.substr(0, kSizes), options);
  const Outcome whole = run(all.substr(kSizes), {}, options);
  if (cut.requests.size() != whole.requests.size()) std::abort();
  if ((cut.status == 0) != (whole.status == 0)) std::abort();
  for (std::size_t i = 0; i < cut.requests.size(); ++i) {
    if (cut.requests[i].body != whole.requests[i].body) std::abort();
    if (cut.requests[i].target != whole.requests[i].target) std::abort();
    if (cut.requests[i].headers.size() != whole.requests[i].headers.size()) std::abort();
  }
  return 0;
}
