#pragma once

#include <string>

#include "cluster/counter.h"

namespace mr::app {

// As GET /admin/cluster/counters answers it (docs/operations.md).
std::string counters_json(const cluster::CounterPage& page);

}  // namespace mr::app
