#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace mr::delta {

// The name of a chain on the wire. No value, or an empty one, is `_`; a value `_` is `%5F`. `%`,
// `"`, `\` and control characters are percent-encoded, so that a name stands in JSON as it is and
// decoders that cut it out by its quotes get all of it.
std::string wire_key(std::string_view value);

// The value; empty for `_`. Nullopt: no text that wire_key() makes.
std::optional<std::string> parse_wire_key(std::string_view key);

}  // namespace mr::delta
