#pragma once

#include <string>
#include <string_view>

#include "base/function.h"
#include "http/query.h"

namespace mr::api {

// What /admin/cluster/{topic} tells. Control loop.
class ClusterSource {
 public:
  // JSON; or a sentence that says why there is none.
  struct Told {
    std::string json;
    std::string problem = {};
  };
  using Done = base::Function<void(Told)>;
  virtual ~ClusterSource() = default;
  // `done` runs once, now or later. False: there is no such topic, and nothing runs.
  virtual bool tell(std::string_view topic, const http::Params& query, Done done) = 0;
};

}  // namespace mr::api
