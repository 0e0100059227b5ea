#include <gtest/gtest.h>

#include "raw_node.h"

namespace mr::app::test {
namespace {

config::Settings with_echo() {
  config::Settings settings = settings_of_test();
  settings.session.conformance_echo = true;
  settings.session.close_timeout = 5s;
  return settings;
}

class ClosingSimTest : public ::testing::TestWithParam<const char*> {};

INSTANTIATE_TEST_SUITE_P(Paths, ClosingSimTest, ::testing::Values("/app/key", "/echo"),
                         [](const auto& path) { return std::string(path.param).substr(1, 3); });

// Found when the conformance cases ran over TCP: each violation held its socket for close_timeout.
TEST_P(ClosingSimTest, AViolationEndsTheStreamAtOnce) {
  RawNode node(with_echo());
  RawPeer& peer = node.upgrade(GetParam());
  ASSERT_FALSE(peer.ended) << peer.got;
  peer.send(raw_frame({.payload = "{}", .masked = false}) + text("ignored"));
  node.run(200ms);
  EXPECT_EQ(close_code_of(peer), 1002);
  EXPECT_TRUE(peer.ended);
}

TEST_P(ClosingSimTest, AViolatorThatGoesOnIsCutAfterCloseTimeout) {
  RawNode node(with_echo());
  RawPeer& peer = node.upgrade(GetParam());
  peer.stay_open();
  peer.send(raw_frame({.opcode = 3}));
  for (int i = 0; i < 30; ++i) {
    node.run(100ms);
    peer.send(text("more"));
    EXPECT_FALSE(peer.closed) << i;
  }
  EXPECT_TRUE(peer.ended);
  node.run(4s);
  peer.send(text("to nobody"));
  node.run(100ms);
  EXPECT_TRUE(peer.closed);
}

TEST_P(ClosingSimTest, APeersCloseIsAnsweredAndTheSocketClosed) {
  RawNode node(with_echo());
  RawPeer& peer = node.upgrade(GetParam());
  peer.stay_open();
  peer.send(raw_frame({.opcode = 8, .payload = "\x03\xe8"}));
  node.run(200ms);
  EXPECT_EQ(close_code_of(peer), 1000);
  EXPECT_TRUE(peer.ended);
  peer.send(text("to nobody"));
  node.run(100ms);
  EXPECT_TRUE(peer.closed) << "the server has closed both directions";
}

TEST(CloseTimeoutTest, AServersCloseWaitsThatLongForThePeers) {
  config::Settings settings = settings_of_test();
  settings.session.close_timeout = 3s;
  RawNode node(settings);
  RawPeer& peer = node.upgrade("/app/unknown");
  EXPECT_EQ(close_code_of(peer), 4001);
  node.run(1s);
  EXPECT_FALSE(peer.ended);
  node.run(4s);
  EXPECT_TRUE(peer.ended);
}

constexpr const char* kClientEvents[] = {
    R"({"event":"pusher:subscribe","data":{"channel":"c"}})",
    R"({"event":"pusher:unsubscribe","data":{"channel":"c"}})",
    R"({"event":"pusher:signin","data":{"auth":"key:0","user_data":"{\"id\":\"1\"}"}})",
    R"({"event":"client-x","channel":"private-c","data":{}})",
    R"({"event":"pusher:ping","data":{}})",
    R"(no JSON)",
};

// Each of these ends with a close frame before there is an app, 4009 with one.
config::Settings with_refusals() {
  config::Settings settings = settings_of_test();
  model::AppOptions app = settings.apps.front();
  app.id = app.key = "disabled";
  app.enabled = false;
  settings.apps.push_back(app);
  app.id = app.key = "strict";
  app.enabled = true;
  app.allowed_origins = {"https://good.example"};
  settings.apps.push_back(app);
  app.id = app.key = "full";
  app.allowed_origins.clear();
  app.max_connections = 1;
  settings.apps.push_back(app);
  return settings;
}

std::size_t occupied_channels(RawNode& node) {
  std::size_t count = SIZE_MAX;
  client::RestClient rest(node.peers.loop(0), {node.address(), {}, "app", "key", "secret"});
  rest.get("/channels", {}, [&count](client::RestReply reply) {
    count = 0;
    for (std::size_t at = 0; (at = reply.body.find(":{", at)) != std::string::npos; ++at) ++count;
    --count;  // "channels" itself
  });
  node.run(200ms);
  return count;
}

std::string with_origin(const std::string& path) {
  std::string request = ws::client_handshake("10.0.0.1", path, "dGhlIHNhbXBsZSBub25jZQ==");
  request.insert(request.size() - 2, "Origin: https://other.example\r\n");
  return request;
}

// Any frame behind our close frame ended the process: it was heard without an app.
TEST(AfterCloseTest, WhatAClientSendsAfterARefusalIsNotHeard) {
  RawNode node(with_refusals());
  node.upgrade("/app/full");
  const std::pair<const char*, int> refusals[] = {
      {"/app/unknown", 4001}, {"/app/disabled", 4003}, {"/app/strict", 4009}, {"/app/full", 4004}};
  for (const auto& [path, code] : refusals) {
    for (const char* event : kClientEvents) {
      RawPeer& peer = node.connect(with_origin(path));
      ASSERT_EQ(close_code_of(peer), code) << path;
      const std::size_t frames = frames_of(peer).size();
      peer.send(text(event));
      node.run(50ms);
      EXPECT_EQ(frames_of(peer).size(), frames) << path << " " << event;
    }
  }
}

// The home loop was never told that such a subscriber had left.
TEST(AfterCloseTest, ASubscribeThatCrossesOurCloseLeavesNoGhost) {
  config::Settings settings = settings_of_test();
  settings.session.max_duration = 2s;
  settings.session.close_timeout = 3s;
  RawNode node(settings);
  RawPeer& peer = node.upgrade();
  peer.send(text(R"({"event":"pusher:subscribe","data":{"channel":"before"}})"));
  node.run(200ms);
  EXPECT_EQ(occupied_channels(node), 1U);
  node.run(3s);
  ASSERT_EQ(close_code_of(peer), 4200);
  peer.send(text(R"({"event":"pusher:subscribe","data":{"channel":"after"}})"));
  node.run(200ms);
  EXPECT_EQ(occupied_channels(node), 0U);
  node.run(5s);
  EXPECT_TRUE(peer.ended);
  EXPECT_EQ(occupied_channels(node), 0U);
}

// The first deadline of /echo was that of a connection that waits for its app: 10 s.
TEST(AfterCloseTest, EchoKeepsTheIdleTimeoutFromTheFirst) {
  config::Settings settings = settings_of_test();
  settings.session.conformance_echo = true;
  settings.session.idle_timeout = 2s;
  RawNode node(settings);
  RawPeer& peer = node.upgrade("/echo");
  node.run(1s);
  EXPECT_EQ(close_code_of(peer), std::nullopt);
  node.run(3s);
  EXPECT_EQ(close_code_of(peer), 4202);
}

// The peer's close frame behind other frames was not read, and its socket held to the time-out.
TEST(AfterCloseTest, ThePeersCloseIsReadBehindWhatItSentBefore) {
  RawNode node(settings_of_test());
  RawPeer& peer = node.upgrade("/app/unknown");
  ASSERT_EQ(close_code_of(peer), 4001);
  peer.send(text(kClientEvents[4]) + raw_frame({.opcode = 9, .payload = "p"}) +
            raw_frame({.opcode = 8, .payload = "\x03\xe8"}));
  node.run(200ms);
  EXPECT_TRUE(peer.ended);
}

// A name that the app's limit allows and the default does not ended the process.
TEST(ClientEventTest, ANameAsLongAsTheAppAllowsIsPublished) {
  config::Settings settings = settings_of_test();
  settings.apps.front().max_channel_name_length = 300;
  RawNode node(settings);
  const std::string name = "private-" + std::string(250, 'a');
  SimClient hearer(node.peers.loop(0), node.address());
  SimClient sender(node.peers.loop(0), node.address());
  node.run(200ms);
  hearer->subscribe(name);
  sender->subscribe(name);
  node.run(200ms);
  sender->trigger(name, "client-x", "{}");
  node.run(200ms);
  ASSERT_EQ(hearer.events.size(), 1U);
  EXPECT_EQ(hearer.events[0].channel, name);
}

}  // namespace
}  // namespace mr::app::test
