#pragma once

#include <optional>
#include <string>

#include "json/value.h"
#include "model/delta_request.h"

namespace mr::pusher {

// What clients ask of deltas, and the answer. Members that are absent or null say nothing; names
// that nobody here knows are no errors; a value of the wrong type is one: nullopt.

// `data` of enable_delta_compression, an object: {"algorithms":["fossil","xdelta3"],
// "enabled":false,"crc":true,"cache_sync":"bases"}, all optional. A list without a known name is
// an offer of nothing; no list leaves the choice to the server.
std::optional<model::DeltaSwitch> read_delta_switch(const json::Value& data);

// `delta` of subscribe: the name of an algorithm, true or false, or an object {"enabled":true,
// "algorithm":"fossil","crc":true,"cache_sync":"bases"}, all optional. "disabled", "false" and
// "none" switch off; any other text and an object without `enabled` switch on.
std::optional<model::DeltaWish> read_delta_wish(const json::Value& value);

// The answer to enable_delta_compression. `is_second`: protocol 2 has another prefix.
std::string delta_compression_enabled(std::optional<model::DeltaAlgorithm> algorithm,
                                      bool is_second);

}  // namespace mr::pusher
