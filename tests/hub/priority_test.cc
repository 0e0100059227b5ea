#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "hub/hub_world.h"

namespace mr::hub {
namespace {

// One client that hears x, y and z, with a socket that takes nothing until it is drained.
class PriorityTest : public HubTest {
 protected:
  explicit PriorityTest(Options options = {}) : HubTest(options), client(open(1)) {
    for (const char* key : {"x", "y", "z"}) subscribe(client, key);
    wire.rooms[1] = 1;
    append("z", "(p)");
    flush();
  }
  void publish(const std::string& key, const std::string& frame, std::uint8_t priority,
               std::optional<model::SocketId> except = std::nullopt) {
    hub.append(base::make_ref<const model::Message>(key, frame, except, nullptr, priority));
  }
  std::string drain() {
    wire.rooms.erase(1);
    hub.on_writable(client);
    flush();
    EXPECT_EQ(hub.log_bytes(), 0U);
    EXPECT_EQ(hub.blocked_count(), 0U);
    return wire.got[1];
  }

  OutletId client;
};

TEST_F(PriorityTest, WhatHasAHigherPriorityGoesFirst) {
  publish("z", "(low)", model::kLowPriority);
  publish("y", "(high)", model::kHighPriority);
  publish("z", "(usual)", model::kUsualPriority);
  publish("x", "(critical)", model::kCriticalPriority);
  EXPECT_EQ(drain(), "(p)(critical)(high)(low)(usual)") << "usual is behind low: one channel";
}

TEST_F(PriorityTest, AChannelKeepsItsOrderAndGoesOnlyAsFarAsItsCriticalMessage) {
  publish("x", "(x1)", model::kLowPriority);
  publish("x", "(x2)", model::kCriticalPriority);
  publish("x", "(x3)", model::kHighPriority);
  publish("y", "(y1)", model::kHighPriority);
  publish("y", "(y2)", model::kCriticalPriority);
  const std::string got = drain();
  EXPECT_TRUE(got.starts_with("(p)(x1)(x2)(y1)(y2)") || got.starts_with("(p)(y1)(y2)(x1)(x2)"))
      << got;
  EXPECT_TRUE(got.ends_with("(x3)")) << got;
}

TEST_F(PriorityTest, ItHoldsWhereverTheSocketStops) {
  const std::vector<std::string> frames = {"(x1)", "(x2)", "(y1)", "(y2)", "(z1)"};
  publish("x", "(x1)", model::kUsualPriority);
  publish("y", "(y1)", model::kHighPriority);
  publish("z", "(z1)", model::kCriticalPriority);
  publish("x", "(x2)", model::kHighPriority);
  publish("y", "(y2)", model::kLowPriority);
  for (int step = 0; hub.blocked_count() > 0 && step < 100; ++step) {
    wire.rooms[1] = 1;
    hub.on_writable(client);
  }
  const std::string& got = wire.got[1];
  ASSERT_EQ(got.size(), 23U) << got;
  EXPECT_EQ(got.substr(0, 7), "(p)(z1)");
  EXPECT_TRUE(got.ends_with("(y2)")) << got;
  EXPECT_LT(got.find("(x1)"), got.find("(x2)"));
  EXPECT_LT(got.find("(y1)"), got.find("(y2)"));
}

TEST_F(PriorityTest, WhatIsNotForTheClientMovesNothing) {
  publish("x", "(x1)", model::kLowPriority);
  publish("x", "(not for you)", model::kCriticalPriority, model::SocketId{1, 1});
  publish("y", "(nor this)", model::kHighPriority, model::SocketId{1, 1});
  publish("y", "(y1)", model::kUsualPriority);
  EXPECT_EQ(drain(), "(p)(y1)(x1)");
}

TEST_F(PriorityTest, WhoComesWhileItDrainsIsJudgedAnew) {
  publish("x", "(x1)", model::kHighPriority);
  publish("y", "(y1)", model::kLowPriority);
  wire.rooms[1] = 4;
  hub.on_writable(client);
  EXPECT_EQ(wire.got[1], "(p)(x");
  publish("z", "(z1)", model::kCriticalPriority);
  EXPECT_EQ(drain(), "(p)(x1)(z1)(y1)");
}

TEST_F(PriorityTest, BroadcastsGoBeforeThoseOfALowerPriorityAndNeverBeforeAnAnswer) {
  const auto broadcast = [&](const char* text, std::uint8_t priority) {
    ASSERT_TRUE(hub.reply(client, text, priority));
  };
  broadcast("(low)", model::kLowPriority);
  broadcast("(high)", model::kHighPriority);
  broadcast("(critical)", model::kCriticalPriority);
  broadcast("(again)", model::kHighPriority);
  ASSERT_TRUE(hub.reply(client, "(answer)"));
  broadcast("(late low)", model::kLowPriority);
  broadcast("(late critical)", model::kCriticalPriority);
  EXPECT_EQ(drain(), "(p)(critical)(high)(again)(low)(answer)(late critical)(late low)");
}

TEST_F(PriorityTest, ABroadcastThatIsPartlyWrittenIsWrittenToItsEnd) {
  ASSERT_TRUE(hub.reply(client, "(low)", model::kLowPriority));
  wire.rooms[1] = 4;
  hub.on_writable(client);
  ASSERT_TRUE(hub.reply(client, "(critical)", model::kCriticalPriority));
  EXPECT_EQ(drain(), "(p)(low)(critical)");
}

class PriorityBoundTest : public PriorityTest {
 protected:
  PriorityBoundTest() : PriorityTest({.queue_bytes_max = 100}) {}
};

TEST_F(PriorityBoundTest, TheBoundOfAConnectionCountsAllPrioritiesAlike) {
  publish("x", std::string(60, 'c'), model::kCriticalPriority);
  publish("y", std::string(40, 'l'), model::kLowPriority);
  EXPECT_TRUE(events.slow.empty());
  publish("x", "c", model::kCriticalPriority);
  EXPECT_EQ(events.slow, std::vector<OutletId>{client});
}

}  // namespace
}  // namespace mr::hub
