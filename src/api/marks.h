#pragma once

#include <optional>

#include "api/errc.h"
#include "base/result.h"
#include "json/value.h"
#include "model/tags.h"

namespace mr::api {

// What a publisher says of an event beside its data.
struct EventMarks {
  model::Tags tags;           // for subscribers' filters
  std::optional<bool> delta;  // false: a full message; true: a delta also of small data
};

// `tags`: {"name":"value"} within the limits of model/tags.h, and `delta`: true or false; both may
// be absent or null.
base::Result<EventMarks, Errc> read_marks(const json::Value& event);

}  // namespace mr::api
