#include "hub/form.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>

#include "hub/hub.h"

namespace mr::hub {
namespace {

using delta::FormClass;

constexpr std::uint8_t kNamed = 0;    // Fossil, with its name in the frame
constexpr std::uint8_t kUnnamed = 2;  // Fossil, without

struct Entry {
  std::uint64_t number = 0;
  std::uint64_t base = 0;
  bool is_due = false;
};

// Texts of one letter: plain "{n}", full "<{n>", delta "d".
model::MessageRef message(const Entry& about, std::optional<model::SocketId> except = {}) {
  auto entry = std::make_unique<model::ChainEntry>();
  entry->number = about.number;
  entry->base = about.base;
  entry->slot = 0;
  entry->is_due = about.is_due;
  entry->head = "<";
  entry->tail = ">";
  if (about.base != 0 && !about.is_due) entry->deltas.push_back({about.base, kNamed, "d"});
  return base::make_ref<const model::Message>("x", "{" + std::to_string(about.number) + "}", except,
                                              model::Message::Chained{0, std::move(entry)});
}

Reason reason(const Track& track, const Entry& about) {
  return choose(track, *message(about)).reason;
}

TEST(FormTest, ReasonsComeInTheirOrder) {
  Track track;
  EXPECT_EQ(reason(track, {2, 1}), Reason::kPlain) << "wants none";
  track.form_class = kNamed;
  track.pending = 1;
  EXPECT_EQ(reason(track, {2, 1}), Reason::kPlain) << "its start is on its way";
  track.pending = 0;
  track.joined = 5;
  EXPECT_EQ(reason(track, {2, 0}), Reason::kFirst);
  EXPECT_EQ(reason(track, {6, 4, true}), Reason::kDue);
  EXPECT_EQ(reason(track, {6, 4}), Reason::kJoined);
  EXPECT_EQ(reason(track, {6, 5}), Reason::kDelta);
  track.set_behind(0, true);
  EXPECT_EQ(reason(track, {6, 5}), Reason::kBehind);
  track.filter = 3;
  EXPECT_EQ(reason(track, {6, 5}), Reason::kFilter);
}

TEST(FormTest, AnUnnamedClassTakesTheNamedFrameWhenItsOwnIsNotThere) {
  Track track;
  track.form_class = kUnnamed;
  EXPECT_EQ(reason(track, {2, 1}), Reason::kDelta);
  track.form_class = FormClass{delta::Algorithm::kVcdiff}.index();
  EXPECT_EQ(reason(track, {2, 1}), Reason::kSize) << "another algorithm's frame is of no use";
}

class StillClock final : public base::Clock {
 public:
  base::TimePoint now() const override { return {}; }
  base::WallTime wall_now() const override { return {}; }
};

// One socket that takes so many bytes.
class NarrowWire final : public Wire {
 public:
  WriteResult write(std::uint32_t, std::span<const iovec> parts) override {
    std::size_t taken = 0;
    for (const iovec& part : parts) {
      const std::size_t bytes = std::min(part.iov_len, room);
      got.append(static_cast<const char*>(part.iov_base), bytes);
      room -= bytes;
      taken += bytes;
    }
    return {taken == 0 ? WriteStatus::kBlocked : WriteStatus::kOk, taken};
  }
  std::size_t unsent_bytes(std::uint32_t) const override { return 0; }

  std::string got;
  std::size_t room = SIZE_MAX;
};

class NoEvents final : public OutletEvents {
 public:
  int slow = 0;
  void on_outlet_slow(OutletId) override { ++slow; }
  void on_outlet_broken(OutletId) override {}
};

class TrackedHubTest : public ::testing::Test {
 protected:
  TrackedHubTest() : hub(wire, events, {}, 1) {
    outlet = hub.subscriptions().open(1, {1, 1});
    subscription = hub.subscriptions().begin(outlet, "x", 1);
    hub.tracks().want(subscription, kNamed);
    hub.subscriptions().activate(subscription);
    hub.tracks().begin(subscription, Track::kNoFilter, 1);
  }

  void flush() {
    while (hub.flush(clock)) {
    }
  }
  // A start that was asked for has its answer.
  void place_start(std::uint64_t joined = 0) {
    hub.tracks().ask(subscription);
    Mark mark;
    mark.is_start = true;
    mark.joined = joined;
    mark.sync = base::make_ref<const model::Message>("x", "S", std::nullopt);
    hub.place(subscription, std::move(mark));
  }

  NarrowWire wire;
  NoEvents events;
  StillClock clock;
  Hub hub;
  OutletId outlet = kNone;
  SubscriptionId subscription = kNone;
};

TEST_F(TrackedHubTest, AFullFrameInPiecesIsCutAnywhereAndGoesOn) {
  hub.append(message({1, 0, true}));
  hub.append(message({2, 1}));
  wire.room = 1;
  flush();
  for (int i = 0; i < 10; ++i) {
    wire.room = 1;
    hub.on_writable(outlet);
  }
  EXPECT_EQ(wire.got, "<{1>d");
  EXPECT_EQ(hub.counters().fulls_written, 1U);
  EXPECT_EQ(hub.counters().deltas_written, 1U);
}

TEST_F(TrackedHubTest, WhatTheSocketDidNotTakeChangesNothing) {
  hub.append(message({1, 0, true}));
  flush();
  hub.append(message({2, 1}, model::SocketId{1, 1}));
  hub.append(message({3, 2}));
  wire.room = 0;
  flush();
  EXPECT_TRUE(hub.tracks().at(subscription).is_behind(0)) << "the full frame was not taken";
  wire.room = SIZE_MAX;
  hub.on_writable(outlet);
  EXPECT_FALSE(hub.tracks().at(subscription).is_behind(0));
  EXPECT_EQ(wire.got, "<{1><{3>");
}

TEST_F(TrackedHubTest, AnAnswerStandsBetweenWhatWasBeforeAndWhatFollows) {
  hub.append(message({1, 0, true}));
  place_start(2);
  hub.append(message({2, 1}));
  hub.append(message({3, 2}));
  flush();
  EXPECT_EQ(wire.got, "{1}S<{2>d") << "plain until the answer, then from its number on";
}

TEST_F(TrackedHubTest, AnAnswerAloneIsWritten) {
  place_start();
  flush();
  EXPECT_EQ(wire.got, "S");
}

// A delta referred to a message that was dropped behind the start that cleared its mark.
TEST_F(TrackedHubTest, WhatIsDroppedBehindAStartThatWaitsIsNoBase) {
  wire.room = 0;
  hub.append(message({1, 0, true}));
  flush();
  place_start(2);
  hub.append(message({2, 1}));
  hub.append(message({3, 2}));
  hub.drop(subscription);
  hub.drop(subscription);
  wire.room = SIZE_MAX;
  hub.on_writable(outlet);
  EXPECT_EQ(wire.got, "S<{3>") << "2 was dropped: it is no base";
}

// Messages that a filter hid filled the queue of a reader that would never get them.
TEST_F(TrackedHubTest, WhatAFilterHidesDoesNotWaitForTheReader) {
  hub.tracks().ensure(subscription).filter = 0;
  wire.room = 0;
  ASSERT_TRUE(hub.reply(outlet, "r"));
  flush();
  for (int i = 0; i < 3; ++i) {
    hub.append(base::make_ref<const model::Message>(
        "x", std::string(100'000, 'l'), std::nullopt,
        model::Message::Chained{0, std::make_unique<model::ChainEntry>()}));
  }
  EXPECT_EQ(events.slow, 0);
  wire.room = SIZE_MAX;
  hub.on_writable(outlet);
  EXPECT_EQ(wire.got, "r");
  EXPECT_EQ(hub.counters().filtered, 3U) << "each is counted once";
  EXPECT_EQ(hub.counters().dropped_slow, 0U);
}

// Starts that were asked for and never read took any amount of memory.
TEST_F(TrackedHubTest, WhoAsksForStartsAndReadsNoneIsSlow) {
  wire.room = 0;
  hub.append(message({1, 0, true}));
  flush();
  for (int i = 0; i < 1000; ++i) place_start();
  EXPECT_LE(hub.tracks().at(subscription).marks->list.size(), 64U) << "one place, one start";
  EXPECT_EQ(events.slow, 0);
  for (std::uint64_t i = 2; i < 100; ++i) {
    hub.append(message({i, i - 1}));
    place_start();
  }
  EXPECT_EQ(events.slow, 1);
}

TEST_F(TrackedHubTest, ATrackEndsWithItsSubscription) {
  EXPECT_EQ(hub.tracks().count(), 1U);
  hub.close(outlet);
  EXPECT_EQ(hub.tracks().count(), 0U);
}

}  // namespace
}  // namespace mr::hub
