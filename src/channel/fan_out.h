#pragma once

#include <string>
#include <utility>
#include <vector>

#include "channel/loop_port.h"
#include "channel/options.h"
#include "channel/service.h"

namespace mr::channel {

// What goes to all loops of this node, whatever channels they hear. One per loop, and on that loop
// only; `port` and the Subscribers outlive it.
class FanOut {
 public:
  FanOut(LoopPort& port, const Options& options) : port_(port), options_(options) {}
  // Before start: those of every loop, by loop.
  void set_subscribers(std::vector<Subscribers*> by_loop) { subscribers_ = std::move(by_loop); }

  // To this node's connections of an app.
  void broadcast(const std::string& app_id, const BroadcastEvent& event);
  // Messages of other nodes were lost on their way here.
  void tell_gap(const GapNotice& notice);

 private:
  LoopPort& port_;
  const Options options_;
  std::vector<Subscribers*> subscribers_;
};

}  // namespace mr::channel
