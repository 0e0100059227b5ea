#pragma once

#include "base/suggest.h"

namespace mr::config {

using base::edit_distance;
using base::nearest;

}  // namespace mr::config
