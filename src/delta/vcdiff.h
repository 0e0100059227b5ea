#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "delta/errc.h"
#include "delta/matcher.h"
#include "delta/vcdiff_addresses.h"

namespace mr::delta {

// Plain VCDIFF (RFC 3284) with the default code table: no secondary compression, no application
// header and no Adler-32, which existing decoders do not skip.

// Writes deltas of one window. Keeps its memory between calls; not thread-safe.
class VcdiffWriter {
 public:
  // `out` is replaced. `copies` are in the order of the target and do not overlap.
  void write(std::size_t base_bytes, std::string_view target, std::span<const Copy> copies,
             std::string& out);

 private:
  void add(std::string_view text);
  void copy(const Copy& copy);
  void assemble(std::size_t target_bytes, std::string& out) const;

  // What the last code may be joined with.
  enum class Last : std::uint8_t { kNothing, kShortAdd, kShortCopy };

  std::uint32_t base_bytes_ = 0;
  std::string instructions_;
  std::string literals_;
  std::string addresses_;
  VcdiffAddresses caches_;
  Last last_ = Last::kNothing;
  std::uint8_t last_argument_ = 0;  // size of the add, mode of the copy
};

// The target. Any number of windows, from the base or from the target before them. Nothing is
// allocated for a window before its announced size is known to be within `target_bytes_max`.
// The form has no checksum: another base of the right length gives a wrong text.
base::Result<std::string, Errc> decode_vcdiff(std::string_view base, std::string_view delta,
                                              std::size_t target_bytes_max);

}  // namespace mr::delta
