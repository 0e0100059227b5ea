#include "cluster/batching_bus.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "net/sim/sim_network.h"
#include "net/sim/sim_runtime.h"

namespace mr::cluster {
namespace {

using namespace std::chrono_literals;

constexpr BootId kSelf{7};
constexpr Subject kOne = partition_subject(1);
constexpr Subject kTwo = partition_subject(2);

struct Sent {
  Subject subject;
  std::string bytes;
};

// What the bus below was given.
class Below final : public Bus {
 public:
  explicit Below(std::vector<Sent>& sent) : sent_(sent) {}
  void start() override {}
  void stop() override {}
  void subscribe(Subject, Generation) override {}
  void unsubscribe(Subject) override {}
  bool publish(Subject subject, std::string_view envelope) override {
    if (is_full) return false;
    sent_.push_back({subject, std::string(envelope)});
    return true;
  }
  void flush() override {}
  std::size_t queued_bytes() const override { return 0; }
  std::size_t payload_bytes_max() const override { return payload_max; }

  bool is_full = false;
  std::size_t payload_max = SIZE_MAX;

 private:
  std::vector<Sent>& sent_;
};

class Heard final : public BusEvents {
 public:
  void on_open() override {}
  void on_lost(std::string_view) override {}
  void on_subscribed(Subject, Generation) override {}
  void on_envelope(Subject subject, std::string_view envelope) override {
    got.push_back({subject, std::string(envelope)});
    if (when_heard) when_heard();
  }
  std::vector<Sent> got;
  base::Task when_heard;
};

class BatchingBusTest : public testing::Test {
 protected:
  void make(const BatchOptions& batches, std::string secret = {}) {
    options_.batches = batches;
    options_.secret = std::move(secret);
    bus_ = std::make_unique<BatchingBus>(runtime_.loop(0), options_, kSelf, heard_);
    auto below = std::make_unique<Below>(sent_);
    below_ = below.get();
    bus_->carry(std::move(below));
    bus_->on_open();
  }
  // A node with the defaults gets what was sent.
  std::vector<Sent> received() {
    Heard heard;
    BatchingBus other(runtime_.loop(1), options_, BootId{8}, heard);
    std::vector<Sent> none;
    other.carry(std::make_unique<Below>(none));
    other.on_open();
    for (const Sent& sent : sent_) other.on_envelope(sent.subject, sent.bytes);
    return heard.got;
  }
  std::string event(std::uint64_t number, std::string data = "1",
                    std::uint8_t priority = model::kUsualPriority) {
    EventMessage message;
    message.sequence = number;
    message.app_id = "a";
    message.channel = "c";
    message.event = "e";
    message.data = std::move(data);
    return EnvelopeCodec(options_.secret).encode({kSelf, priority, message});
  }
  std::string probe() { return EnvelopeCodec(options_.secret).encode({kSelf, 1, ProbeMessage{}}); }
  // In one iteration of the loop.
  void publish(std::vector<Sent> envelopes) {
    runtime_.loop(0).post([this, envelopes = std::move(envelopes)] {
      for (const Sent& each : envelopes) taken_.push_back(bus_->publish(each.subject, each.bytes));
    });
    sim_.run_for(1ms);
  }
  std::vector<Sent> events(int count, std::size_t bytes = 1) {
    std::vector<Sent> made;
    for (int i = 1; i <= count; ++i) {
      made.push_back({kOne, event(static_cast<std::uint64_t>(i), std::string(bytes, 'x'))});
    }
    return made;
  }
  static void expect_same(const std::vector<Sent>& got, const std::vector<Sent>& wanted) {
    ASSERT_EQ(got.size(), wanted.size());
    for (std::size_t i = 0; i < got.size(); ++i) {
      EXPECT_EQ(got[i].subject, wanted[i].subject) << i;
      EXPECT_EQ(got[i].bytes, wanted[i].bytes) << i;
    }
  }

  net::sim::Sim sim_{1};
  net::sim::SimNetwork network_{sim_};
  net::sim::SimRuntime runtime_{sim_, network_, {"n", 2}};
  Options options_;
  Heard heard_;
  std::vector<Sent> sent_;
  Below* below_ = nullptr;
  std::vector<bool> taken_;
  std::unique_ptr<BatchingBus> bus_;
};

TEST_F(BatchingBusTest, WhatComesInOneIterationLeavesAsOneMessage) {
  make({});
  const std::vector<Sent> all = events(10);
  publish(all);
  ASSERT_EQ(sent_.size(), 1U);
  EXPECT_EQ(peek_kind(sent_[0].bytes), Kind::kBatch);
  expect_same(received(), all);
  const BusTotals totals = bus_->totals();
  EXPECT_EQ(totals.sent_messages, 1U);
  EXPECT_EQ(totals.sent_envelopes, 10U);
  EXPECT_EQ(totals.sent_bytes, sent_[0].bytes.size());
  EXPECT_EQ(totals.envelope_bytes, 10 * all[0].bytes.size());
}

TEST_F(BatchingBusTest, OneAloneStaysAsItIs) {
  make({});
  publish(events(1));
  expect_same(sent_, events(1));
}

TEST_F(BatchingBusTest, EachPartitionHasItsOwnBatch) {
  make({});
  publish({{kOne, event(1)}, {kTwo, event(2)}, {kOne, event(3)}, {kTwo, event(4)}});
  EXPECT_EQ(sent_.size(), 2U);
  expect_same(received(), {{kOne, event(1)}, {kOne, event(3)}, {kTwo, event(2)}, {kTwo, event(4)}});
}

TEST_F(BatchingBusTest, EnableBatchingFalseSendsEachAlone) {
  make({.is_on = false});
  publish(events(10));
  expect_same(sent_, events(10));
}

TEST_F(BatchingBusTest, MaxBatchSizeBoundsABatch) {
  make({.envelopes_max = 4});
  publish(events(10));
  EXPECT_EQ(sent_.size(), 3U);
  expect_same(received(), events(10));
  sent_.clear();
  make({.envelopes_max = 1});
  publish(events(10));
  expect_same(sent_, events(10));
}

TEST_F(BatchingBusTest, BatchIntervalGathersOverIterationsAndNoLonger) {
  make({.interval = 100ms});
  for (int i = 0; i < 9; ++i) {
    publish({{kOne, event(static_cast<std::uint64_t>(i + 1))}});
    sim_.run_for(9ms);
    EXPECT_TRUE(sent_.empty()) << i;
    EXPECT_GT(bus_->queued_bytes(), 0U);
  }
  sim_.run_for(11ms);
  EXPECT_EQ(sent_.size(), 1U);
  EXPECT_EQ(received().size(), 9U);
  EXPECT_EQ(bus_->queued_bytes(), 0U);
}

TEST_F(BatchingBusTest, MarkersAndCriticalMessagesLeaveAtOnceBehindWhatWaits) {
  make({.interval = 100ms});
  const std::string high = event(2, "1", model::kHighPriority);
  publish({{kOne, event(1)}, {kTwo, high}, {kOne, probe()}});
  ASSERT_EQ(sent_.size(), 1U) << "the other partition waits on";
  expect_same(received(), {{kOne, event(1)}, {kOne, probe()}});
  publish({{kTwo, event(3, "1", model::kCriticalPriority)}});
  expect_same(received(), {{kOne, event(1)},
                           {kOne, probe()},
                           {kTwo, high},
                           {kTwo, event(3, "1", model::kCriticalPriority)}});
}

TEST_F(BatchingBusTest, TheControlSubjectNeverWaits) {
  make({.interval = 100ms});
  publish({{Subject::kControl, event(1)}, {Subject::kControl, event(2)}});
  expect_same(sent_, {{Subject::kControl, event(1)}, {Subject::kControl, event(2)}});
}

TEST_F(BatchingBusTest, EnableCompressionMakesLongOnesShorter) {
  make({.compresses = true});
  publish({{Subject::kControl, event(1, std::string(5000, 'x'))}});
  publish(events(20, 100));
  ASSERT_EQ(sent_.size(), 2U);
  EXPECT_LT(sent_[0].bytes.size(), 200U);
  EXPECT_LT(sent_[1].bytes.size(), 500U);
  std::vector<Sent> all = events(20, 100);
  all.insert(all.begin(), {Subject::kControl, event(1, std::string(5000, 'x'))});
  expect_same(received(), all);
  EXPECT_GT(bus_->totals().envelope_bytes, 7000U);
  EXPECT_LT(bus_->totals().sent_bytes, 700U);
}

TEST_F(BatchingBusTest, CompressionActsWithoutBatchingToo) {
  make({.is_on = false, .compresses = true});
  publish(events(3, 1000));
  EXPECT_EQ(sent_.size(), 3U);
  for (const Sent& sent : sent_) EXPECT_LT(sent.bytes.size(), 200U);
  expect_same(received(), events(3, 1000));
}

TEST_F(BatchingBusTest, WhatIsShortStaysAsItIs) {
  make({.is_on = false, .compresses = true});
  publish(events(1, BatchingBus::kCompressFrom - 60));
  expect_same(sent_, events(1, BatchingBus::kCompressFrom - 60));
}

TEST_F(BatchingBusTest, ABatchIsNotLongerThanTheBrokerTakes) {
  make({});
  below_->payload_max = 1000;
  publish(events(100, 100));
  EXPECT_GT(sent_.size(), 10U);
  for (const Sent& sent : sent_) EXPECT_LE(sent.bytes.size(), 1000U);
  expect_same(received(), events(100, 100));
  sent_.clear();
  publish({{kOne, event(1)}, {kOne, event(2, std::string(5000, 'x'))}, {kOne, event(3)}});
  EXPECT_EQ(sent_.size(), 3U) << "a longer one goes alone, in its place";
  EXPECT_EQ(received().size(), 3U);
  EXPECT_EQ(received()[2].bytes, event(3));
}

TEST_F(BatchingBusTest, WhatTheBusDoesNotTakeWaitsAndKeepsItsPlace) {
  make({});
  below_->is_full = true;
  publish({{kOne, event(1)}, {kOne, event(2)}});
  EXPECT_EQ(taken_, (std::vector<bool>{true, true}));
  publish({{kOne, event(3)}});
  EXPECT_FALSE(taken_.back()) << "whoever published keeps it";
  below_->is_full = false;
  publish({{kOne, event(4)}});
  EXPECT_TRUE(taken_.back());
  expect_same(received(), {{kOne, event(1)}, {kOne, event(2)}, {kOne, event(4)}});
  below_->is_full = true;
  publish({{kOne, event(5)}});
  below_->is_full = false;
  sim_.run_for(100ms);
  EXPECT_EQ(received().back().bytes, event(5)) << "tried again by itself";
}

TEST_F(BatchingBusTest, ALossForgetsWhatWaitsAndNothingIsTakenUntilItIsOpen) {
  make({.interval = 100ms});
  publish(events(3));
  bus_->on_lost("gone");
  publish(events(1));
  EXPECT_FALSE(taken_.back());
  EXPECT_EQ(bus_->queued_bytes(), 0U);
  bus_->on_open();
  sim_.run_for(1s);
  EXPECT_TRUE(sent_.empty());
}

TEST_F(BatchingBusTest, TheEndSendsWhatWaits) {
  make({.interval = 100ms});
  publish(events(3));
  bus_->stop();
  expect_same(received().empty() ? sent_ : events(3), events(3));
  EXPECT_EQ(sent_.size(), 1U);
}

TEST_F(BatchingBusTest, ASecretSignsTheBatchToo) {
  make({}, "cluster secret");
  publish(events(5));
  ASSERT_EQ(sent_.size(), 1U);
  expect_same(received(), events(5));
  // Another secret, or a flipped bit: it is handed on whole, to be refused and counted as one.
  for (const std::size_t at : {std::size_t{20}, sent_[0].bytes.size() - 1}) {
    Sent damaged = sent_[0];
    damaged.bytes[at] = static_cast<char>(damaged.bytes[at] ^ 1);
    bus_->on_envelope(damaged.subject, damaged.bytes);
    expect_same(heard_.got, {damaged});
    EXPECT_EQ(EnvelopeCodec("cluster secret").decode(damaged.bytes).error().code,
              EnvelopeErrc::kSignature);
    heard_.got.clear();
  }
}

TEST_F(BatchingBusTest, NothingComesAfterAStopInsideABatch) {
  make({});
  publish(events(5));
  heard_.when_heard = [this] { bus_->stop(); };
  bus_->on_envelope(kOne, sent_[0].bytes);
  EXPECT_EQ(heard_.got.size(), 1U);
}

}  // namespace
}  // namespace mr::cluster
