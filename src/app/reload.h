#pragma once

#include <string>
#include <vector>

#include "app/node.h"
#include "config/load.h"

namespace mr::app {

// SIGHUP: the configuration is read again. Deltas and filters change at once, for clients that are
// connected too; of other keys that changed it says that they need a restart. A configuration with
// errors changes nothing. Control loop only.
class Reload {
 public:
  using Load = base::Function<config::LoadOutcome()>;
  // `started_with`: what the running node was started with.
  Reload(Load load, std::vector<config::Origin> started_with, Node& node, observability::Log& log)
      : load_(std::move(load)),
        in_force_(std::move(started_with)),
        node_(node),
        logger_(log, "node") {}

  void run();

 private:
  Load load_;
  std::vector<config::Origin> in_force_;
  Node& node_;
  observability::Logger logger_;
};

}  // namespace mr::app
