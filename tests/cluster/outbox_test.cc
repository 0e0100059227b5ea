#include "cluster/outbox.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "cluster/node_table.h"

namespace mr::cluster {
namespace {

using namespace std::chrono_literals;

Options options_of(std::size_t queue_bytes, std::size_t ring_entries) {
  Options options;
  options.name = "n";
  options.partitions = 4;
  options.queue_bytes_max = queue_bytes;
  options.ring_entries_max = ring_entries;
  return options;
}

std::vector<std::string> drain(Outbox& outbox, std::size_t room) {
  std::vector<std::string> sent;
  outbox.drain([&](std::uint32_t, std::string_view envelope) {
    if (sent.size() == room) return false;
    sent.emplace_back(envelope);
    return true;
  });
  return sent;
}

TEST(OutboxTest, TheQueueKeepsTheNewestWithinItsBytes) {
  Outbox outbox(options_of(30, 100));
  for (int i = 1; i <= 5; ++i) {
    const std::uint64_t number = outbox.number(1, "a", "c");
    outbox.enqueue(1, number, std::string(9, 'a') + std::to_string(i));
  }
  EXPECT_EQ(outbox.queued_bytes(), 30U);
  EXPECT_EQ(outbox.dropped(), 2U);
  EXPECT_EQ(drain(outbox, 2), (std::vector<std::string>{"aaaaaaaaa3", "aaaaaaaaa4"}));
  EXPECT_EQ(outbox.queued_bytes(), 10U);
  EXPECT_EQ(drain(outbox, 9), std::vector<std::string>{"aaaaaaaaa5"});
  EXPECT_EQ(outbox.queued_bytes(), 0U);
}

TEST(OutboxTest, WhatIsCriticalGoesFirstAndNeverBeforeItsOwnPartition) {
  Outbox outbox(options_of(1000, 100));
  const auto enqueue = [&outbox](std::uint32_t partition, const char* text, std::uint8_t priority) {
    outbox.enqueue(partition, outbox.number(partition, "a", "c"), text, priority);
  };
  enqueue(1, "1 high", model::kHighPriority);
  enqueue(2, "2 low", model::kLowPriority);
  enqueue(3, "3 low", model::kLowPriority);
  enqueue(2, "2 critical", model::kCriticalPriority);
  enqueue(1, "1 usual", model::kUsualPriority);
  enqueue(3, "3 high", model::kHighPriority);
  EXPECT_EQ(outbox.tails(), (Tails{{1, 0}, {2, 0}, {3, 0}}));
  EXPECT_EQ(drain(outbox, 2), (std::vector<std::string>{"2 low", "2 critical"}));
  EXPECT_EQ(outbox.tails(), (Tails{{1, 0}, {2, 2}, {3, 0}}));
  EXPECT_EQ(drain(outbox, 9), (std::vector<std::string>{"1 high", "3 low", "3 high", "1 usual"}));
  EXPECT_TRUE(outbox.is_empty());
  EXPECT_EQ(outbox.tail(1), 2U);
}

TEST(OutboxTest, WhatIsCriticalTakesAllThatWaitsOfItsPartitionAlongInOrder) {
  Outbox outbox(options_of(1000, 100));
  const auto enqueue = [&outbox](std::uint32_t partition, const char* text, std::uint8_t priority) {
    outbox.enqueue(partition, outbox.number(partition, "a", "c"), text, priority);
  };
  enqueue(2, "2 high", model::kHighPriority);
  enqueue(1, "1 high", model::kHighPriority);
  enqueue(1, "1 usual", model::kUsualPriority);
  enqueue(1, "1 low", model::kLowPriority);
  EXPECT_EQ(outbox.tail(1), 0U);
  enqueue(1, "1 critical", model::kCriticalPriority);
  EXPECT_EQ(drain(outbox, 9),
            (std::vector<std::string>{"1 high", "1 usual", "1 low", "1 critical", "2 high"}));
}

// The shard of partition 2 is away, and comes back.
TEST(OutboxTest, WhatOnePartitionWaitsForHoldsBackNoOtherAndKeepsItsOrder) {
  Outbox outbox(options_of(1000, 100));
  const auto enqueue = [&outbox](std::uint32_t partition, const char* text, std::uint8_t priority) {
    outbox.enqueue(partition, outbox.number(partition, "a", "c"), text, priority);
  };
  std::vector<std::string> sent;
  const auto drain_without = [&](std::uint32_t away) {
    outbox.drain([&](std::uint32_t partition, std::string_view envelope) {
      if (partition == away) return false;
      sent.emplace_back(envelope);
      return true;
    });
  };
  enqueue(2, "2 first", model::kCriticalPriority);
  enqueue(1, "1 first", model::kHighPriority);
  enqueue(2, "2 second", model::kLowPriority);
  enqueue(1, "1 second", model::kUsualPriority);
  drain_without(2);
  EXPECT_EQ(sent, (std::vector<std::string>{"1 first", "1 second"}));
  EXPECT_FALSE(outbox.holds(1));
  EXPECT_TRUE(outbox.holds(2));
  EXPECT_EQ(outbox.tails(), (Tails{{1, 2}, {2, 0}}));
  enqueue(2, "2 third", model::kHighPriority);
  sent.clear();
  drain_without(9);
  EXPECT_EQ(sent, (std::vector<std::string>{"2 first", "2 second", "2 third"}));
  EXPECT_TRUE(outbox.is_empty());
  EXPECT_FALSE(outbox.holds(2));
}

// Under pressure: 200 critical messages among ten times as many others, in a queue for 1,000.
TEST(OutboxTest, UnderPressureNoCriticalMessageIsDroppedAndNoPartitionIsReordered) {
  Outbox outbox(options_of(8000, 10'000));
  std::vector<std::uint64_t> last(4);
  std::size_t critical = 0;
  for (std::uint64_t i = 0; i < 2200; ++i) {
    const bool is_critical = i % 11 == 0;
    const auto partition = static_cast<std::uint32_t>(is_critical ? 0 : 1 + i % 3);
    const std::uint64_t number = outbox.number(partition, "a", "c");
    outbox.enqueue(partition, number, std::to_string(10'000'000 + number),
                   is_critical ? model::kCriticalPriority : static_cast<std::uint8_t>(i % 3));
  }
  std::vector<std::uint32_t> partitions;
  outbox.drain([&](std::uint32_t partition, std::string_view envelope) {
    const std::uint64_t number = std::stoull(std::string(envelope)) - 10'000'000;
    EXPECT_GT(number, last[partition]);
    last[partition] = number;
    critical += partition == 0 ? 1 : 0;
    partitions.push_back(partition);
    return true;
  });
  EXPECT_EQ(critical, 200U);
  EXPECT_TRUE(std::ranges::is_sorted(partitions.begin(), partitions.begin() + 201));
  EXPECT_EQ(partitions.size(), 1000U);
  EXPECT_EQ(outbox.dropped(), 1200U);
}

TEST(OutboxTest, WhatIsQueuedIsNotToldOf) {
  Outbox outbox(options_of(1000, 100));
  outbox.number(1, "a", "c");
  outbox.number(2, "a", "d");
  outbox.enqueue(1, outbox.number(1, "a", "c"), "second");
  outbox.enqueue(1, outbox.number(1, "a", "c"), "third");
  EXPECT_EQ(outbox.tail(1), 1U);
  EXPECT_EQ(outbox.tails(), (Tails{{1, 1}, {2, 1}}));
  EXPECT_EQ(drain(outbox, 1).size(), 1U);
  EXPECT_EQ(outbox.tail(1), 2U);
  EXPECT_EQ(drain(outbox, 1).size(), 1U);
  EXPECT_EQ(outbox.tails(), (Tails{{1, 3}, {2, 1}}));
}

TEST(OutboxTest, TheRingForgetsTheOldestOverAllPartitionsAndSaysSo) {
  Outbox outbox(options_of(1000, 3));
  outbox.number(0, "a", "old");
  outbox.number(1, "a", "x");
  outbox.number(1, "a", "y");
  outbox.number(1, "b", "x");
  const GapAnswer forgotten = outbox.find({0, 1, 1});
  EXPECT_FALSE(forgotten.is_complete);
  EXPECT_TRUE(forgotten.hits.empty());
  const GapAnswer whole = outbox.find({1, 1, 3});
  EXPECT_TRUE(whole.is_complete);
  EXPECT_EQ(whole.hits, (std::vector<GapAnswer::Hit>{{"a", "x", 1}, {"a", "y", 1}, {"b", "x", 1}}));
  EXPECT_FALSE(outbox.find({1, 2, 4}).is_complete) << "4 was never given";
  EXPECT_FALSE(outbox.find({9, 1, 1}).is_complete) << "a partition of another cluster";
}

struct Changes final : TableEvents {
  void on_joining(BootId boot) override { joining.push_back(boot); }
  void on_alive(BootId boot) override { alive.push_back(boot); }
  void on_gone(BootId boot) override { gone.push_back(boot); }
  std::vector<BootId> joining, alive, gone;
};

BeatMessage beat_of(std::uint64_t number) { return {number, "m", "healthy", {}}; }

class NodeTableTest : public testing::Test {
 protected:
  static constexpr BootId kSelf{1}, kOther{2};
  void pass(base::Duration time, bool echoes) {
    for (base::TimePoint end = now_ + time; now_ < end; now_ += 1s) {
      if (echoes) table_.hear(kSelf, beat_of(++beats_), now_);
      table_.bury_silent(now_);
    }
  }
  Changes changes_;
  NodeTable table_{kSelf, options_of(1, 1), changes_};
  base::TimePoint now_{1h};
  std::uint64_t beats_ = 0;
};

TEST_F(NodeTableTest, SilentForTheTimeoutIsGoneOnceAndComesBackAlive) {
  table_.open(now_);
  EXPECT_TRUE(table_.hear(kOther, beat_of(1), now_));
  EXPECT_FALSE(table_.hear(kOther, beat_of(1), now_)) << "an old one";
  pass(4s, true);
  EXPECT_TRUE(changes_.gone.empty());
  pass(4s, true);
  EXPECT_EQ(changes_.gone, std::vector<BootId>{kOther});
  EXPECT_TRUE(table_.hear(kOther, beat_of(2), now_));
  EXPECT_EQ(changes_.alive, (std::vector<BootId>{kOther, kOther}));
}

TEST_F(NodeTableTest, NobodyIsBuriedByWhoDoesNotHearItself) {
  table_.open(now_);
  table_.hear(kOther, beat_of(1), now_);
  pass(60s, false);
  EXPECT_TRUE(changes_.gone.empty());
  table_.open(now_);
  pass(4s, true);
  EXPECT_TRUE(changes_.gone.empty()) << "the time before the connection does not count";
  pass(4s, true);
  EXPECT_EQ(changes_.gone, std::vector<BootId>{kOther});
}

TEST_F(NodeTableTest, AHeartbeatTellsFactsAndLoadAndAnOlderOneNothing) {
  BeatMessage beat = beat_of(2);
  beat.facts = {"10.0.0.7", 6001, "eu", "0.1.0", 10'000};
  beat.load.connections = 3;
  table_.hear(kOther, beat, now_);
  table_.hear(kOther, beat_of(1), now_);
  EXPECT_EQ(table_.find(kOther)->facts, beat.facts);
  EXPECT_EQ(table_.find(kOther)->load, beat.load);
}

TEST_F(NodeTableTest, OurOwnLineIsWhatWeSayNotWhatComesBackLate) {
  table_.describe_self("draining", {"10.0.0.1", 1, "", "", 0}, {});
  table_.hear(kSelf, beat_of(1), now_);
  EXPECT_EQ(table_.find(kSelf)->status, "draining");
  EXPECT_EQ(table_.find(kSelf)->facts.address, "10.0.0.1");
}

TEST_F(NodeTableTest, WhoLeftIsGoneAndItsLateHeartbeatsAreNone) {
  table_.open(now_);
  table_.greet(kOther, {"m", true}, now_);
  EXPECT_EQ(changes_.joining, std::vector<BootId>{kOther});
  table_.leave(kOther);
  EXPECT_EQ(changes_.gone, std::vector<BootId>{kOther});
  EXPECT_FALSE(table_.hear(kOther, beat_of(9), now_));
  table_.leave(kSelf);
  EXPECT_TRUE(table_.find(kSelf)->is_alive) << "nobody is told to leave";
}

TEST_F(NodeTableTest, LinesOfTheGoneAreBounded) {
  table_.open(now_);
  for (std::uint64_t boot = 2; boot < 2000; ++boot) {
    table_.greet(BootId{boot}, {"m", true}, now_);
    table_.leave(BootId{boot});
  }
  EXPECT_LT(table_.lines().size(), 300U);
  EXPECT_NE(table_.find(kSelf), nullptr);
}

}  // namespace
}  // namespace mr::cluster
