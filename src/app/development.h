#pragma once

#include "channel/exchange.h"
#include "demo/market.h"
#include "model/app.h"
#include "net/loop.h"

namespace mr::app {

// The simulated market of a development node: publishes through the same path as REST. Lives on
// loop 0.
class DevelopmentMarket {
 public:
  DevelopmentMarket(net::Loop& loop, channel::Exchange& exchange, model::AppRef app)
      : loop_(loop), exchange_(exchange), app_(std::move(app)), market_(loop.random().next()) {}

  // Before the loops run, or on loop 0.
  void start() { tick(); }

 private:
  void tick();

  net::Loop& loop_;
  channel::Exchange& exchange_;
  const model::AppRef app_;
  demo::Market market_;
};

}  // namespace mr::app
