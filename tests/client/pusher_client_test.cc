#include "client/pusher_client.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "client/fake_node.h"

namespace mr::client::test {
namespace {

// A client and what it was told.
struct Seen {
  explicit Seen(FakeNode& node, const std::string& secret = "s3cret") {
    PusherOptions options;
    options.address = {"127.0.0.1", node.port};
    options.key = "k";
    options.secret = secret;
    PusherCallbacks callbacks;
    callbacks.on_connected = [this](std::string_view id) { socket_id = std::string(id); };
    callbacks.on_event = [this](const PusherEvent& event) { events.push_back(event); };
    callbacks.on_closed = [this](const PusherClosed& why) { closed.push_back(why); };
    client = std::make_unique<PusherClient>(node.clients, options, std::move(callbacks));
    client->connect();
  }

  std::string socket_id;
  std::vector<PusherEvent> events;
  std::vector<PusherClosed> closed;
  std::unique_ptr<PusherClient> client;
};

TEST(PusherClient, ConnectsSubscribesAndGetsEvents) {
  FakeNode node;
  Seen seen(node);
  node.run();
  EXPECT_EQ(seen.socket_id, "12.34");
  EXPECT_TRUE(seen.client->is_connected());
  seen.client->subscribe("a\"b");
  seen.client->unsubscribe("c");
  seen.client->trigger("private-a", "client-x", "{\"n\":1.0}");
  node.run();
  const auto& texts = node.peers.at(0)->texts;
  ASSERT_EQ(texts.size(), 3u);
  EXPECT_EQ(texts[0], R"({"event":"pusher:subscribe","data":{"channel":"a\"b"}})");
  EXPECT_EQ(texts[1], R"({"event":"pusher:unsubscribe","data":{"channel":"c"}})");
  EXPECT_EQ(texts[2], R"({"event":"client-x","channel":"private-a","data":{"n":1.0}})");
  node.peers[0]->say(R"({"event":"e","channel":"a","data":"{\"x\":1}"})");
  node.peers[0]->say(R"({"event":"f","channel":"a","data":{"x": 2.0}})");
  node.run();
  ASSERT_EQ(seen.events.size(), 3u);
  EXPECT_EQ(seen.events[1].event, "e");
  EXPECT_EQ(seen.events[1].data, "{\"x\":1}");
  EXPECT_EQ(seen.events[2].data, "{\"x\": 2.0}");
  EXPECT_EQ(seen.events[2].raw, R"({"event":"f","channel":"a","data":{"x": 2.0}})");
}

// Pusher's own example of a signature (docs, "Authorizing users"; socket id and channel changed).
TEST(PusherClient, SignsPrivateAndPresenceChannelsAndUsers) {
  FakeNode node;
  Seen seen(node);
  node.run();
  seen.client->subscribe("private-x");
  seen.client->subscribe("presence-x", R"({"user_id":"1"})");
  seen.client->sign_in(R"({"id":"1"})");
  node.run();
  const auto& texts = node.peers.at(0)->texts;
  ASSERT_EQ(texts.size(), 3u);
  EXPECT_NE(texts[0].find(R"("auth":"k:)"), std::string::npos) << texts[0];
  EXPECT_NE(texts[1].find(R"("channel_data":"{\"user_id\":\"1\"}")"), std::string::npos);
  EXPECT_NE(texts[2].find(R"("event":"pusher:signin")"), std::string::npos);
}

TEST(PusherClient, AnswersPings) {
  FakeNode node;
  Seen seen(node);
  node.run();
  node.peers.at(0)->write(ws::frame(ws::Opcode::kPing, "x"));
  node.peers[0]->say(R"({"event":"pusher:ping","data":{}})");
  node.run();
  EXPECT_EQ(node.peers[0]->pongs, 1);
  EXPECT_EQ(node.peers[0]->texts.at(0), R"({"event":"pusher:pong","data":{}})");
  EXPECT_EQ(seen.events.size(), 1u);
}

TEST(PusherClient, ReportsTheCloseCodeOnce) {
  FakeNode node;
  Seen seen(node);
  node.run();
  node.peers.at(0)->write(ws::close_frame(4009, "gone"));
  node.run();
  ASSERT_EQ(seen.closed.size(), 1u);
  EXPECT_EQ(seen.closed[0].code, 4009);
  EXPECT_EQ(seen.closed[0].reason, "gone");
  EXPECT_EQ(node.peers[0]->close_code, 4009);
  EXPECT_FALSE(seen.client->is_connected());
}

TEST(PusherClient, ReportsRefusalsLossesAndNonsense) {
  FakeNode node;
  node.refuse_upgrades = true;
  Seen refused(node);
  node.run();
  ASSERT_EQ(refused.closed.size(), 1u);
  EXPECT_NE(refused.closed[0].reason.find("403"), std::string::npos);
  node.refuse_upgrades = false;
  Seen lost(node);
  node.run();
  node.peers.at(0)->close();
  node.run();
  ASSERT_EQ(lost.closed.size(), 1u);
  EXPECT_EQ(lost.closed[0].code, 0);
  EXPECT_EQ(lost.closed[0].reason, "the server closed the connection");
  Seen nonsense(node);
  node.run();
  node.peers.at(1)->say("not json");
  node.run();
  EXPECT_EQ(nonsense.closed.size(), 1u);
  FakeNode empty;
  Seen nobody(empty);
  PusherOptions options;
  options.address = {"127.0.0.1", 1};
  std::vector<std::string> closed;
  PusherCallbacks callbacks;
  callbacks.on_closed = [&closed](const PusherClosed& why) { closed.push_back(why.reason); };
  PusherClient client(empty.clients, options, std::move(callbacks));
  client.connect();
  empty.run();
  EXPECT_EQ(closed,
            std::vector<std::string>{"cannot connect to 127.0.0.1:1; does it listen there?"});
}

TEST(PusherClient, ClosesWith1000AndInSilence) {
  FakeNode node;
  Seen seen(node);
  node.run();
  seen.client->close();
  node.run();
  EXPECT_EQ(node.peers.at(0)->close_code, 1000);
  EXPECT_TRUE(seen.closed.empty());
}

TEST(PusherClient, MayCloseInsideItsCallbacks) {
  FakeNode node;
  PusherOptions options;
  options.address = {"127.0.0.1", node.port};
  options.key = "k";
  std::unique_ptr<PusherClient> client;
  PusherCallbacks callbacks;
  int events = 0;
  callbacks.on_event = [&](const PusherEvent&) {
    ++events;
    client->close();
  };
  client = std::make_unique<PusherClient>(node.clients, options, std::move(callbacks));
  client->connect();
  node.run();
  EXPECT_EQ(events, 1);
}

}  // namespace
}  // namespace mr::client::test
