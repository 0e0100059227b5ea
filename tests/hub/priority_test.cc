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

TEST_F(PriorityTest, WhatIsCriticalGoesBeforeDataAndDataBeforeWhatIsLow) {
  publish("z", "(low)", 3);
  publish("y", "(data)", 1);
  publish("z", "(less)", 2);
  publish("x", "(critical)", 0);
  EXPECT_EQ(drain(), "(p)(critical)(data)(low)(less)") << "less is behind low: one channel";
}

TEST_F(PriorityTest, AChannelKeepsItsOrderAndGoesOnlyAsFarAsItsCriticalMessage) {
  publish("x", "(x1)", 3);
  publish("x", "(x2)", 0);
  publish("x", "(x3)", 1);
  publish("y", "(y1)", 1);
  publish("y", "(y2)", 0);
  const std::string got = drain();
  EXPECT_TRUE(got.starts_with("(p)(x1)(x2)(y1)(y2)") || got.starts_with("(p)(y1)(y2)(x1)(x2)"))
      << got;
  EXPECT_TRUE(got.ends_with("(x3)")) << got;
}

TEST_F(PriorityTest, ItHoldsWhereverTheSocketStops) {
  const std::vector<std::string> frames = {"(x1)", "(x2)", "(y1)", "(y2)", "(z1)"};
  publish("x", "(x1)", 2);
  publish("y", "(y1)", 1);
  publish("z", "(z1)", 0);
  publish("x", "(x2)", 1);
  publish("y", "(y2)", 3);
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
  publish("x", "(x1)", 3);
  publish("x", "(not for you)", 0, model::SocketId{1, 1});
  publish("y", "(nor this)", 1, model::SocketId{1, 1});
  publish("y", "(y1)", 2);
  EXPECT_EQ(drain(), "(p)(y1)(x1)");
}

TEST_F(PriorityTest, WhoComesWhileItDrainsIsJudgedAnew) {
  publish("x", "(x1)", 1);
  publish("y", "(y1)", 3);
  wire.rooms[1] = 4;
  hub.on_writable(client);
  EXPECT_EQ(wire.got[1], "(p)(x");
  publish("z", "(z1)", 0);
  EXPECT_EQ(drain(), "(p)(x1)(z1)(y1)");
}

TEST_F(PriorityTest, BroadcastsGoBeforeThoseOfALowerPriorityAndNeverBeforeAnAnswer) {
  const auto broadcast = [&](const char* text, std::uint8_t priority) {
    ASSERT_TRUE(hub.reply(client, text, priority));
  };
  broadcast("(b3)", 3);
  broadcast("(b1)", 1);
  broadcast("(b0)", 0);
  broadcast("(again)", 1);
  ASSERT_TRUE(hub.reply(client, "(answer)"));
  broadcast("(late3)", 3);
  broadcast("(late0)", 0);
  EXPECT_EQ(drain(), "(p)(b0)(b1)(again)(b3)(answer)(late0)(late3)");
}

TEST_F(PriorityTest, ABroadcastThatIsPartlyWrittenIsWrittenToItsEnd) {
  ASSERT_TRUE(hub.reply(client, "(low)", 3));
  wire.rooms[1] = 4;
  hub.on_writable(client);
  ASSERT_TRUE(hub.reply(client, "(critical)", 0));
  EXPECT_EQ(drain(), "(p)(low)(critical)");
}

class PriorityBoundTest : public PriorityTest {
 protected:
  PriorityBoundTest() : PriorityTest({.queue_bytes_max = 100}) {}
};

TEST_F(PriorityBoundTest, TheBoundOfAConnectionCountsAllPrioritiesAlike) {
  publish("x", std::string(60, 'c'), 0);
  publish("y", std::string(40, 'l'), 3);
  EXPECT_TRUE(events.slow.empty());
  publish("x", "c", 0);
  EXPECT_EQ(events.slow, std::vector<OutletId>{client});
}

}  // namespace
}  // namespace mr::hub
