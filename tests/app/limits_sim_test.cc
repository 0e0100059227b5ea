#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "app/banner.h"
#include "raw_node.h"

namespace mr::app::test {
namespace {

// Answers to `requests` events at once, spread over the connections in turn.
std::map<int, int> publish_at_once(std::size_t loops, std::size_t connections, int requests) {
  config::Settings settings = settings_of_test();
  settings.apps.front().max_backend_events_per_second = 100;
  net::sim::Sim sim(7);
  net::sim::SimNetwork network(sim);
  net::sim::SimRuntime peers(sim, network, {"10.0.0.2", 1});
  SimNode server(sim, network, settings, loops);
  EXPECT_TRUE(server.node.start());
  std::vector<std::unique_ptr<client::RestClient>> clients;
  std::map<int, int> statuses;
  int answered = 0;
  for (std::size_t i = 0; i < connections; ++i) {
    clients.push_back(std::make_unique<client::RestClient>(
        peers.loop(0),
        client::RestOptions{{"10.0.0.1", server.node.port()}, {}, "app", "key", "secret"}));
  }
  const base::TimePoint begin = sim.clock().now();
  for (int i = 0; i < requests; ++i) {
    const auto client = static_cast<std::size_t>(i) % connections;
    clients[client]->publish({"c", "e", "x"}, [&](const client::RestReply& reply) {
      ++statuses[reply.status];
      ++answered;
    });
  }
  EXPECT_TRUE(sim.run_until([&] { return answered == requests; }, 10s));
  // Tokens that came in meanwhile; the exact rate is the bucket's own test.
  const auto elapsed = std::chrono::duration<double>(sim.clock().now() - begin).count();
  statuses[0] = static_cast<int>(elapsed * 100) + 1;
  return statuses;
}

// A loop had its share of the rate: one kept connection to a node of eight got 12 of 100.
TEST(NodeLimitsTest, ARateOfAnAppIsOfTheNodeWhateverItsLoops) {
  for (const std::size_t loops : {1U, 2U, 8U}) {
    for (const std::size_t connections : {1U, 16U}) {
      SCOPED_TRACE(std::to_string(loops) + " loops, " + std::to_string(connections) +
                   " connections");
      auto statuses = publish_at_once(loops, connections, 300);
      EXPECT_GE(statuses[200], 100);
      EXPECT_LE(statuses[200], 100 + statuses[0]);
      EXPECT_EQ(statuses[200] + statuses[429], 300);
    }
  }
}

// The JSON reader had a limit of its own below those that could be set.
TEST(NodeLimitsTest, WhatTheLimitsLetThroughIsRead) {
  config::Settings settings = settings_of_test();
  settings.http.body_bytes_max = 20 << 20;
  settings.session.message_bytes_max = 18 << 20;
  settings.apps.front().max_event_payload_in_kb = 18 << 10;
  RawNode node(settings);
  client::RestClient rest(node.peers.loop(0), {node.address(), {}, "app", "key", "secret"});
  std::optional<client::RestReply> reply;
  rest.publish({"c", "e", std::string(17 << 20, 'x')},
               [&](client::RestReply answer) { reply = std::move(answer); });
  EXPECT_TRUE(node.sim.run_until([&] { return reply.has_value(); }, 60s));
  EXPECT_EQ(reply->status, 200) << reply->body;
  RawPeer& peer = node.upgrade();
  peer.send(text(R"({"event":"pusher:ping","data":")" + std::string(17 << 20, 'x') + "\"}"));
  node.run(20s);
  EXPECT_NE(peer.got.find("pusher:pong"), std::string::npos);
  EXPECT_EQ(close_code_of(peer), std::nullopt);
}

TEST(NodeRoutesTest, APlainRequestToAnAppNamesTheUpgrade) {
  RawNode node;
  const RawPeer& peer = node.connect("GET /app/key HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_NE(peer.got.find("HTTP/1.1 426 "), std::string::npos) << peer.got;
  EXPECT_NE(peer.got.find("Upgrade: websocket\r\n"), std::string::npos) << peer.got;
}

// Unsigned requests filled the memory: their bodies were kept until they were complete.
TEST(NodeRoutesTest, ABodyThatWillBeRefusedIsNotKept) {
  RawNode node;
  for (const std::string path : {"/nope", "/apps/app/events", "/apps/none/events", "/app/key"}) {
    const RawPeer& peer =
        node.connect("POST " + path + " HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\nabc");
    EXPECT_NE(peer.got.find("HTTP/1.1 4"), std::string::npos) << path << peer.got;
    EXPECT_NE(peer.got.find("Connection: close"), std::string::npos) << path << peer.got;
  }
}

TEST(BannerTest, AddressesStandInUrlsAsTheyMust) {
  config::Settings settings = settings_of_test();
  const auto banner = [&](const std::string& host) {
    settings.host = host;
    return development_banner(settings, 7000);
  };
  EXPECT_NE(banner("0.0.0.0").find("http://127.0.0.1:7000/demo"), std::string::npos);
  for (const char* host : {"::", "::1"}) {
    EXPECT_NE(banner(host).find("http://[::1]:7000/demo"), std::string::npos) << banner(host);
    EXPECT_NE(banner(host).find("\"http://[::1]:7000$P?"), std::string::npos) << banner(host);
    EXPECT_NE(banner(host).find("wsHost: '[::1]'"), std::string::npos) << banner(host);
  }
}

}  // namespace
}  // namespace mr::app::test
