#pragma once

#include <cstdint>
#include <string>

#include "config/layers.h"

namespace mr::config {

// What the keys of a cluster say of each other. Contradictions are errors that name both keys.

// Before values are set: `redis.url` becomes values of its parts and selects the driver,
// `node.name` becomes `node.id` where that has none.
void spread_cluster(Layers& layers);

// After values are set: fills in what follows from them, and judges them together.
struct Machine {
  std::string hostname;
  std::string address;
  std::uint32_t process = 0;  // tells nodes apart that listen on any port
};
void complete_cluster(Layers& layers, Settings& settings, const Machine& machine);

}  // namespace mr::config
