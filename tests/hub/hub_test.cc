#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "base/random.h"
#include "hub/hub_world.h"

namespace mr::hub {
namespace {

TEST_F(HubTest, AllFramesOfAnIterationGoOutWithOneWrite) {
  const OutletId a = open(1);
  subscribe(a, "x");
  subscribe(a, "y");
  append("x", "1");
  append("y", "2");
  append("x", "3");
  ASSERT_TRUE(hub.reply(a, "reply"));
  flush();
  EXPECT_EQ(wire.writes, 1);
  EXPECT_TRUE(wire.got[1] == "reply132" || wire.got[1] == "reply213") << wire.got[1];
  EXPECT_EQ(hub.log_bytes(), 0U);
}

TEST_F(HubTest, SubscriptionStartsAtItsActivation) {
  const OutletId a = open(1);
  const OutletId b = open(2);
  subscribe(a, "x");
  const SubscriptionId pending = hub.subscriptions().begin(b, "x", 1);
  append("x", "1");
  hub.subscriptions().activate(pending);
  append("x", "2");
  flush();
  EXPECT_EQ(wire.got[1], "12");
  EXPECT_EQ(wire.got[2], "2");
}

TEST_F(HubTest, TheSenderIsLeftOut) {
  const OutletId a = open(1);
  const OutletId b = open(2);
  subscribe(a, "x");
  subscribe(b, "x");
  append("x", "1");
  append("x", "2", model::SocketId{1, 1});
  append("x", "3");
  flush();
  EXPECT_EQ(wire.got[1], "13");
  EXPECT_EQ(wire.got[2], "123");
  EXPECT_EQ(hub.counters().excluded, 1U);
  append("x", "4", model::SocketId{1, 1});
  flush();
  EXPECT_EQ(wire.got[1], "13");
  EXPECT_EQ(wire.got[2], "1234");
}

// The cursor once stayed before an entry that was left out behind the last one written, and the
// log was trimmed past it.
TEST_F(HubTest, AnEntryLeftOutAtTheEndIsPassed) {
  const OutletId a = open(1);
  subscribe(a, "x");
  append("x", "1");
  append("x", "2", model::SocketId{1, 1});
  flush();
  append("x", "3");
  flush();
  EXPECT_EQ(wire.got[1], "13");
}

TEST_F(HubTest, ABlockedSocketGoesOnWhereItStopped) {
  const OutletId a = open(1);
  const OutletId b = open(2);
  subscribe(a, "x");
  subscribe(b, "x");
  wire.rooms[1] = 4;
  append("x", "abc");
  append("x", "def");
  flush();
  EXPECT_EQ(wire.got[1], "abcd");
  EXPECT_EQ(wire.got[2], "abcdef") << "a stalled client delays another";
  EXPECT_EQ(hub.blocked_count(), 1U);
  append("x", "ghi");
  flush();
  EXPECT_EQ(wire.got[1], "abcd");
  EXPECT_GT(hub.log_bytes(), 0U);
  wire.rooms.erase(1);
  hub.on_writable(a);
  flush();
  EXPECT_EQ(wire.got[1], "abcdefghi");
  EXPECT_EQ(hub.blocked_count(), 0U);
  EXPECT_EQ(hub.log_bytes(), 0U);
}

TEST_F(HubTest, RepliesComeBeforeChannelsAndAfterThePartialFrame) {
  const OutletId a = open(1);
  subscribe(a, "x");
  wire.rooms[1] = 2;
  append("x", "abc");
  append("x", "def");
  flush();
  ASSERT_TRUE(hub.reply(a, "R"));
  wire.rooms.erase(1);
  hub.on_writable(a);
  flush();
  EXPECT_EQ(wire.got[1], "abcRdef");
}

TEST_F(HubTest, TooSlowIsToldOnceAndOneLargeFramePasses) {
  const OutletId a = open(1);
  subscribe(a, "x");
  wire.rooms[1] = 1;
  append("x", std::string(10, 'a'));
  flush();
  append("x", std::string(1 << 20, 'b'));
  EXPECT_TRUE(events.slow.empty()) << "one frame of any size may wait";
  append("x", "c");
  ASSERT_EQ(events.slow.size(), 1U);
  append("x", "d");
  EXPECT_EQ(events.slow.size(), 1U);
  EXPECT_EQ(hub.counters().closed_slow, 1U);
}

TEST_F(HubTest, TheBoundCountsFramesThatWait) {
  const OutletId a = open(1);
  subscribe(a, "x");
  wire.rooms[1] = 1;
  append("x", "ab");
  flush();
  for (int i = 0; i < 64; ++i) append("x", std::string(1024, 'x'));
  EXPECT_TRUE(events.slow.empty()) << "64 KiB may wait";
  append("x", "y");
  EXPECT_EQ(events.slow.size(), 1U);
}

TEST_F(HubTest, TheBoundCountsWhatTheKernelHasNotSent) {
  const OutletId a = open(1);
  subscribe(a, "x");
  wire.rooms[1] = 1;
  wire.unsent[1] = 16 * 1024;
  append("x", "ab");
  flush();
  for (int i = 0; i < 48; ++i) append("x", std::string(1024, 'x'));
  EXPECT_TRUE(events.slow.empty()) << "48 KiB here and 16 KiB there";
  append("x", "y");
  EXPECT_EQ(events.slow.size(), 1U);
}

// A flush in slices would let the log grow while more arrives than is written.
TEST_F(HubTest, AFullLogIsWrittenAtOnce) {
  std::vector<OutletId> outlets;
  for (std::uint32_t socket = 0; socket < 200; ++socket) {
    outlets.push_back(open(socket));
    subscribe(outlets.back(), "x");
  }
  append("x", "first");
  const std::string frame(300 * 1024, 'x');
  for (int i = 0; i < 4; ++i) append("x", frame);
  EXPECT_EQ(hub.counters().logs_full, 1U);
  EXPECT_EQ(hub.log_bytes(), 0U);
  for (std::uint32_t socket = 0; socket < 200; ++socket) {
    EXPECT_EQ(wire.got[socket].size(), 5 + 4 * frame.size());
  }
}

TEST_F(HubTest, ABrokenSocketIsTold) {
  const OutletId a = open(1);
  subscribe(a, "x");
  wire.broken[1] = true;
  append("x", "1");
  flush();
  ASSERT_EQ(events.broken.size(), 1U);
  EXPECT_EQ(events.broken[0], a);
  hub.close(a);
  EXPECT_EQ(hub.subscriptions().channel_count(), 0U);
  EXPECT_EQ(hub.log_bytes(), 0U);
}

// The log of a channel whose last, blocked reader left stayed counted for ever.
TEST_F(HubTest, WhatABlockedReaderKeptGoesWithIt) {
  const OutletId a = open(1);
  const SubscriptionId id = subscribe(a, "x");
  wire.rooms[1] = 1;
  append("x", "abc");
  append("x", "def");
  flush();
  EXPECT_GT(hub.log_bytes(), 0U);
  hub.end(id);
  flush();
  EXPECT_EQ(hub.log_bytes(), 0U);
  EXPECT_EQ(hub.subscriptions().channel_count(), 0U);
}

TEST_F(HubTest, RepliesHaveABoundOfTheirOwn) {
  const OutletId a = open(1);
  wire.rooms[1] = 0;
  ASSERT_TRUE(hub.reply(a, std::string(900 * 1024, 'r')));
  EXPECT_FALSE(hub.reply(a, std::string(200 * 1024, 'r')));
  EXPECT_EQ(hub.counters().replies_refused, 1U);
  EXPECT_TRUE(hub.is_choked(a));
}

// Ten thousand subscribes in one read once ended a connection that read all its answers.
TEST_F(HubTest, ManyAnswersToAReaderAreWritten) {
  const OutletId a = open(1);
  for (int i = 0; i < 5000; ++i) ASSERT_TRUE(hub.reply(a, std::string(1024, 'r')));
  flush();
  EXPECT_EQ(wire.got[1].size(), 5000U * 1024);
  EXPECT_EQ(hub.counters().replies_refused, 0U);
}

TEST_F(HubTest, ClosingInTheMiddleOfAFlushLeavesNothing) {
  std::vector<OutletId> outlets;
  for (std::uint32_t i = 0; i < 200; ++i) {
    outlets.push_back(open(i));
    subscribe(outlets.back(), "x");
  }
  append("x", "1");
  hub.flush(clock);
  for (const OutletId outlet : outlets) hub.close(outlet);
  flush();
  EXPECT_EQ(hub.subscriptions().outlet_count(), 0U);
  EXPECT_EQ(hub.subscriptions().channel_count(), 0U);
  EXPECT_EQ(hub.log_bytes(), 0U);
}

class DropOldestTest : public HubTest {
 protected:
  DropOldestTest() : HubTest({.queue_bytes_max = 10, .slow_policy = SlowPolicy::kDropOldest}) {}
};

TEST_F(DropOldestTest, WholeOldFramesGoAndAreCounted) {
  const OutletId a = open(1);
  subscribe(a, "x");
  subscribe(a, "y");
  wire.rooms[1] = 1;
  append("x", "p1");
  flush();
  append("x", "xxxxx");
  append("y", "yyyyy");
  append("x", "zzzzz");
  EXPECT_EQ(hub.counters().dropped_slow, 1U);
  EXPECT_TRUE(events.slow.empty());
  wire.rooms.erase(1);
  hub.on_writable(a);
  flush();
  EXPECT_TRUE(wire.got[1] == "p1zzzzzyyyyy" || wire.got[1] == "p1yyyyyzzzzz") << wire.got[1];
}

// The key was read and had no effect.
class LogBoundTest : public HubTest, public ::testing::WithParamInterface<SlowPolicy> {
 protected:
  LogBoundTest()
      : HubTest({.queue_bytes_max = 1 << 20, .slow_policy = GetParam(), .log_bytes_max = 20}) {}
};

INSTANTIATE_TEST_SUITE_P(Policies, LogBoundTest,
                         ::testing::Values(SlowPolicy::kClose, SlowPolicy::kDropOldest));

TEST_P(LogBoundTest, AReaderThatFallsOffTheLogIsHandledByThePolicy) {
  const OutletId a = open(1);
  subscribe(a, "x");
  wire.rooms[1] = 1;
  append("x", "p1");
  flush();
  append("x", "0123456789");
  append("x", "abcdefghij");
  EXPECT_TRUE(events.slow.empty());
  EXPECT_EQ(hub.counters().dropped_slow, 0U) << "20 bytes may be kept";
  append("x", "ABCDEFGHIJ");
  flush();
  EXPECT_LE(hub.log_bytes(), GetParam() == SlowPolicy::kClose ? 30U : 20U);
  if (GetParam() == SlowPolicy::kClose) {
    EXPECT_EQ(events.slow, std::vector<OutletId>{a});
    EXPECT_EQ(hub.counters().closed_slow, 1U);
    return;
  }
  EXPECT_TRUE(events.slow.empty());
  EXPECT_EQ(hub.counters().dropped_slow, 1U);
  append("x", std::string(100, '-'));  // one frame of any size may wait
  wire.rooms.erase(1);
  hub.on_writable(a);
  flush();
  EXPECT_EQ(wire.got[1], "p1" + std::string(100, '-'));
  EXPECT_EQ(hub.log_bytes(), 0U);
}

class ReplyBoundTest : public HubTest {
 protected:
  ReplyBoundTest() : HubTest({.reply_bytes_max = 100}) {}
};

TEST_F(ReplyBoundTest, TheReserveIsAsLargeAsTold) {
  const OutletId a = open(1);
  wire.rooms[1] = 0;
  ASSERT_TRUE(hub.reply(a, std::string(60, 'r')));
  ASSERT_TRUE(hub.reply(a, std::string(40, 'r')));
  EXPECT_FALSE(hub.reply(a, "r"));
  EXPECT_EQ(hub.counters().replies_refused, 1U);
}

// The frames "<a12>" of one channel ('a', 'b', ...) in what a socket got.
std::string stream_of(const std::string& got, int channel) {
  std::string stream;
  for (std::size_t at = 0; at < got.size();) {
    const std::size_t end = got.find('>', at);
    if (end == std::string::npos) return "a frame without its end";
    if (got[at + 1] == 'a' + channel) stream += got.substr(at, end + 1 - at);
    at = end + 1;
  }
  return stream;
}

// Random operations against a plain model: every subscriber gets exactly what was appended
// between its activation and its end, in order, whatever the sockets take.
TEST(HubRandomTest, EverySubscriberGetsItsStream) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    base::SeededRandom random(seed);
    TestWire wire;
    TestEvents events;
    StillClock clock;
    Hub hub(wire, events, {.queue_bytes_max = 1 << 30}, seed);
    constexpr std::uint32_t kOutlets = 6;
    std::vector<OutletId> outlets;
    std::map<std::pair<std::uint32_t, int>, bool> subscribed;
    std::map<std::pair<std::uint32_t, int>, std::string> expected;
    for (std::uint32_t i = 0; i < kOutlets; ++i) {
      outlets.push_back(hub.subscriptions().open(i, {i, i}));
      wire.rooms[i] = 0;
    }
    int number = 0;
    for (int step = 0; step < 300; ++step) {
      const auto who = static_cast<std::uint32_t>(random.below(kOutlets));
      const int channel = static_cast<int>(random.below(3));
      const std::string key = "c" + std::to_string(channel);
      switch (random.below(6)) {
        case 0:
          if (!subscribed[{who, channel}]) {
            hub.subscriptions().activate(hub.subscriptions().begin(outlets[who], key, 1));
            subscribed[{who, channel}] = true;
          }
          break;
        case 1:
          hub.flush(clock);
          break;
        case 2:
          wire.rooms[who] += random.below(40);
          hub.on_writable(outlets[who]);
          break;
        default: {
          const std::string frame = "<" + std::string(1, static_cast<char>('a' + channel)) +
                                    std::to_string(number++) + ">";
          const auto left_out = static_cast<std::uint32_t>(random.below(2 * kOutlets));
          const auto priority =
              static_cast<std::uint8_t>(seed % 2 == 0 ? random.below(4) : model::kUsualPriority);
          hub.append(base::make_ref<const model::Message>(
              key, frame, model::SocketId{left_out, left_out}, nullptr, priority));
          for (std::uint32_t i = 0; i < kOutlets; ++i) {
            if (subscribed[{i, channel}] && i != left_out) expected[{i, channel}] += frame;
          }
        }
      }
    }
    for (std::uint32_t i = 0; i < kOutlets; ++i) {
      wire.rooms.erase(i);
      hub.on_writable(outlets[i]);
    }
    while (hub.flush(clock)) {
    }
    for (std::uint32_t i = 0; i < kOutlets; ++i) {
      for (int channel = 0; channel < 3; ++channel) {
        const std::string stream = stream_of(wire.got[i], channel);
        const std::string want = expected[{i, channel}];
        EXPECT_EQ(stream, want) << "outlet " << i << " channel " << channel;
      }
    }
    EXPECT_EQ(hub.log_bytes(), 0U);
    for (const OutletId outlet : outlets) hub.close(outlet);
    EXPECT_EQ(hub.subscriptions().channel_count(), 0U);
  }
}

}  // namespace
}  // namespace mr::hub
