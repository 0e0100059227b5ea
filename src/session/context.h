#pragma once

#include <memory>

#include "channel/exchange.h"
#include "hub/hub.h"
#include "json/parser.h"
#include "model/app.h"
#include "model/delta_settings.h"
#include "net/loop.h"
#include "observability/log.h"
#include "pusher/auth.h"
#include "session/counters.h"
#include "session/gap_listeners.h"
#include "session/options.h"

namespace mr::session {

class Sessions;

// What every session of one loop shares. Made once per loop, outlives its sessions.
struct Context {
  net::Loop& loop;
  hub::Hub& hub;
  channel::Exchange& exchange;
  model::AppStore& apps;
  json::Parser& parser;
  pusher::Signers& signers;
  Sessions& sessions;
  const Options options;
  observability::Logger log;
  std::shared_ptr<const model::DeltaSettings> delta;  // replaced when the configuration changes
  GapListeners gaps;  // subscribers that want to hear of lost messages
  Counters counters{};
};

}  // namespace mr::session
