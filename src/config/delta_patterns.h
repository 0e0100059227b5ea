#pragma once

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

}  // namespace mr::config
