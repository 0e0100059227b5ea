#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"
#include "delta/algorithm.h"
#include "delta/errc.h"
#include "delta/matcher.h"
#include "delta/vcdiff.h"

namespace mr::delta {

// Makes deltas. One per loop: it keeps its memory from call to call, so that a steady stream of
// messages allocates nothing. Not thread-safe.
class Encoder {
 public:
  // Replaces `out` by a delta of at most `delta_bytes_max` bytes that makes `target` from `base`.
  // False when there is none; that is found out early when the texts have little in common, and
  // `out` then holds nothing of use. Texts over kTextBytesMax get none.
  [[nodiscard]] bool encode(Algorithm algorithm, std::string_view base, std::string_view target,
                            std::size_t delta_bytes_max, std::string& out);

 private:
  Matcher<FossilPrice> fossil_;
  Matcher<VcdiffPrice> vcdiff_;
  VcdiffWriter vcdiff_writer_;
};

// The target that a delta makes from its base, of at most `target_bytes_max` bytes. For deltas of
// foreign origin: every position and size is checked.
base::Result<std::string, Errc> decode(Algorithm algorithm, std::string_view base,
                                       std::string_view delta, std::size_t target_bytes_max);

}  // namespace mr::delta
