#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "delta/errc.h"
#include "delta/matcher.h"

namespace mr::delta {

// The delta format of Fossil (fossil-scm.org, "Fossil Delta Format"): the target's size and a line
// feed; `N@O,` copies N bytes from O of the base, `N:` is followed by N bytes of text; the sum of
// the target and `;` end it. Numbers are of base 64 with Fossil's own digits.

// `out` is replaced. `copies` are in the order of the target and do not overlap.
void write_fossil(std::string_view target, std::span<const Copy> copies, std::string& out);

// The target, checked against its announced size and its sum. Nothing is allocated before the
// announced size is known to be within `target_bytes_max`.
base::Result<std::string, Errc> decode_fossil(std::string_view base, std::string_view delta,
                                              std::size_t target_bytes_max);

}  // namespace mr::delta
