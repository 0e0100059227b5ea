#pragma once

#include <vector>

#include "cluster/store.h"
#include "observability/gauge.h"

namespace mr::app {

// What became of a store's requests; those of all stores of a node are added up. On its loop.
void add_store_samples(const cluster::Store& store, std::vector<observability::GaugeSample>& out);

}  // namespace mr::app
