#pragma once

#include "base/result.h"
#include "filter/errc.h"
#include "filter/node.h"
#include "json/value.h"

namespace mr::filter {

// The grammar and its limits (filter.h). Errors name the place inside the filter, the value and
// the remedy.
base::Result<Expression, Errc> read_expression(const json::Value& filter);

}  // namespace mr::filter
