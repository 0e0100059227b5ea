#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sim_node.h"
#include "support/raw_peer.h"
#include "support/ws_bytes.h"
#include "support/ws_recording.h"
#include "ws/handshake.h"

namespace mr::app::test {

using mr::test::raw_frame;
using mr::test::RawPeer;
using mr::test::WsEvent;

// One node of one loop, spoken to in bytes.
class RawNode {
 public:
  explicit RawNode(config::Settings settings = settings_of_test())
      : network(sim),
        peers(sim, network, {"10.0.0.2", 1}),
        server(sim, network, std::move(settings), 1) {
    EXPECT_TRUE(server.node.start());
  }

  net::Address address() const { return {"10.0.0.1", server.node.port()}; }
  RawPeer& connect(std::string bytes) {
    clients.push_back(std::make_unique<RawPeer>(peers.loop(0), address()));
    clients.back()->send(std::move(bytes));
    run(50ms);
    return *clients.back();
  }
  // Upgraded, and behind connection_established where the path is an app's.
  RawPeer& upgrade(const std::string& path = "/app/key?protocol=7") {
    return connect(ws::client_handshake("10.0.0.1", path, "dGhlIHNhbXBsZSBub25jZQ=="));
  }
  void run(base::Duration duration) { sim.run_for(duration); }

  net::sim::Sim sim{1};
  net::sim::SimNetwork network;
  net::sim::SimRuntime peers;
  SimNode server;
  std::vector<std::unique_ptr<RawPeer>> clients;
};

inline std::string text(std::string payload) { return raw_frame({.payload = std::move(payload)}); }

// The frames behind the handshake's answer.
inline std::vector<WsEvent> frames_of(const RawPeer& peer) {
  std::string bytes = peer.got.substr(peer.got.find("\r\n\r\n") + 4);
  ws::Receiver receiver(ws::Role::kClient, {.message_bytes_max = 16 << 20});
  mr::test::RecordingSink sink;
  receiver.consume(std::as_writable_bytes(std::span(bytes)), sink);
  return sink.events;
}

// Of the close frame; nullopt when none came.
inline std::optional<int> close_code_of(const RawPeer& peer) {
  const auto frames = frames_of(peer);
  if (frames.empty() || frames.back().kind != ws::Opcode::kClose) return std::nullopt;
  return frames.back().code.value_or(1005);
}

}  // namespace mr::app::test
