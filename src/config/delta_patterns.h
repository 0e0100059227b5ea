#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/tree.h"
#include "model/delta_settings.h"

namespace mr::config {

// The entries of a `channel_delta_compression`, in the order of the document: pattern -> "inherit",
// "disabled", an algorithm, or a map of the keys of model::DeltaPattern. What is wrong is left out
// and told in `faults`, which call the key `name` ("apps[0].channel_delta_compression").
std::vector<model::DeltaPattern> read_delta_patterns(const Node& node, std::string_view name,
                                                     std::vector<Fault>& faults);

// What is wrong with a channel pattern: a name, `prefix*`, `*suffix` or `*`.
std::optional<std::string> pattern_problem(std::string_view pattern);

// Names with dots between them, at most 256 bytes.
bool is_conflation_path(std::string_view path);

// JSON text of the entries: a map as it could stand in a configuration.
std::string to_json(const std::vector<model::DeltaPattern>& patterns);

}  // namespace mr::config
