#pragma once

#include "model/delta_algorithm.h"

namespace mr::delta {

using Algorithm = model::DeltaAlgorithm;

}  // namespace mr::delta
