#pragma once

#include <vector>

#include "api/counters.h"
#include "app/delta_policy.h"
#include "app/loop_state.h"
#include "channel/home.h"
#include "channel/idempotency.h"
#include "cluster/control.h"
#include "cluster/node_news.h"
#include "cluster/relay.h"
#include "http/connection_pool.h"
#include "hub/hub.h"
#include "net/loop_stats.h"
#include "observability/gauge.h"
#include "session/sessions.h"

namespace mr::app {

// What the parts of one loop count, as samples of a scrape; called on that loop. Gauges are read
// from the containers themselves, so that they cannot drift.
using Samples = std::vector<observability::GaugeSample>;
void add_hub_samples(const hub::Hub& hub, Samples& out);
void add_session_samples(const session::Sessions& sessions, const session::Counters& counters,
                         Samples& out);
void add_home_samples(const channel::Home& home, const channel::Idempotency& idempotency,
                      Samples& out);
void add_api_samples(const api::Counters& counters, Samples& out);
// Of all loops, the control loop last; called on any thread.
void add_loop_samples(const std::vector<const net::LoopStats*>& loops, Samples& out);
// What the metrics of deltas are made of, on one loop.
struct DeltaSources {
  const DeltaPlan& plan;
  const channel::ChainShop& shop;
  const hub::Counters& hub;
  std::uint16_t port = 0;
};
void add_delta_samples(const DeltaSources& from, Samples& out);
// What other nodes sent that no home could take.
struct ForeignDrops {
  std::uint64_t unknown_app = 0;
  std::uint64_t bad_channel = 0;
};
void add_relay_samples(const cluster::Relay& relay, const ForeignDrops& drops, Samples& out);
// What one loop shares with other nodes in the store.
void add_state_samples(const LoopState& state, Samples& out);
// Once a node, on the control loop.
void add_control_samples(const cluster::Control& control, Samples& out);
// Of one bus.
void add_bus_samples(const cluster::Bus& bus, Samples& out);
void add_news_samples(const cluster::NodeNews::Counters& counters, Samples& out);
void add_http_samples(const http::ConnectionPool& pool, Samples& out);

}  // namespace mr::app
