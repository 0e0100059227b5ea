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

}  // namespace
}  // namespace mr::app::test
