#pragma once

#include <string>
#include <string_view>

namespace mr::delta {

// The value that names a message's chain on a keyed channel; empty: it has none. `data` is the
// JSON text of the member as it goes on the wire, an object or a string that holds one; `path` the
// configured "symbol" or "order.symbol". A path may also begin at the envelope, "data.symbol".
std::string conflation_key(std::string_view data, std::string_view path);

}  // namespace mr::delta
