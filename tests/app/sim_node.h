#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "app/node.h"
#include "client/pusher_client.h"
#include "client/rest_client.h"
#include "net/sim/sim_runtime.h"
#include "support/silent_target.h"

namespace mr::app::test {

using namespace std::chrono_literals;
using mr::test::SilentTarget;

inline config::Settings settings_of_test() {
  config::Settings settings;
  settings.host = "10.0.0.1";
  settings.metrics.enabled = false;
  model::AppOptions app;
  app.id = "app";
  app.key = "key";
  app.secret = "secret";
  app.enable_client_messages = true;
  settings.apps.push_back(app);
  return settings;
}

// A node as main() builds it, on virtual time. Differs: the runtime, the log's target and, where
// given, the order source and the broker.
class SimNode {
 public:
  SimNode(net::sim::Sim& sim, net::sim::SimNetwork& network, config::Settings settings,
          std::size_t loops, Node::Given given = {})
      : runtime(sim, network, {settings.host, loops}),
        log({}, sim.clock(), std::make_unique<SilentTarget>()),
        node(std::move(settings), runtime, log, given) {}

  net::sim::SimRuntime runtime;
  observability::Log log;
  Node node;
};

// A client and everything that it was told.
class SimClient {
 public:
  SimClient(net::Loop& loop, const net::Address& address)
      : client_(loop, {.address = address, .host = {}, .key = "key", .secret = "secret"},
                {[this](std::string_view) { connected = true; },
                 [this](const client::PusherEvent& event) { on_event(event); },
                 {},
                 [this](const client::PusherClosed& closed_with) {
                   closed = true;
                   close_code = closed_with.code;
                 }}) {
    client_.connect();
  }

  client::PusherClient& operator*() { return client_; }
  client::PusherClient* operator->() { return &client_; }

  bool connected = false;
  bool closed = false;
  std::uint16_t close_code = 0;
  std::vector<std::string> subscribed;
  std::vector<client::PusherEvent> events;   // of channels, ours and not the protocol's
  std::vector<client::PusherEvent> members;  // added and removed
  std::vector<client::PusherEvent> gaps;

 private:
  void on_event(const client::PusherEvent& event) {
    if (event.event == "pusher_internal:subscription_succeeded") {
      subscribed.push_back(event.channel);
    } else if (event.event.starts_with("pusher_internal:member_")) {
      members.push_back(event);
    } else if (event.event == "pusher:gap") {
      gaps.push_back(event);
    } else if (!event.event.starts_with("pusher")) {
      events.push_back(event);
    }
  }

  client::PusherClient client_;
};

}  // namespace mr::app::test
