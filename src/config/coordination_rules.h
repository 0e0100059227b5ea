#pragma once

#include <string>
#include <vector>

#include "config/layers.h"

namespace mr::config {

// After values are set: `delta_compression.cluster_coordination` that cannot work is an error.
void check_coordination(Layers& layers, const Settings& settings);

// Patterns of channels whose full messages every node counts for itself although coordination is
// on, because they have no conflation key; a line each.
std::vector<std::string> uncoordinated_channels(const Settings& settings);

}  // namespace mr::config
