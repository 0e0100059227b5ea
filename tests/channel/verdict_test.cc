#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "channel/home.h"
#include "channel/interval_counts.h"

namespace mr::channel {
namespace {

using model::Verdict;

constexpr std::uint8_t kFossil = delta::FormClass{delta::Algorithm::kFossil}.index();

std::string plain(std::string_view text) { return std::string(text); }
std::string no_head(std::size_t) { return {}; }

std::string data_of(const std::string& symbol) {
  return "{\"symbol\":\"" + symbol + "\",\"pad\":\"" + std::string(200, 'p') + "\"}";
}

// One home loop whose channels are keyed by "symbol"; counters elsewhere answer when told.
class VerdictTest : public ::testing::Test,
                    public LoopPort,
                    public base::Clock,
                    public OrderSource,
                    public OtherNodes,
                    public Subscribers,
                    public ChainPolicy {
 protected:
  struct Asked {
    bool is_counted = false;
    std::string key;
    std::uint32_t interval = 0;
    base::Function<void(Order)> answer;
  };

  VerdictTest() {
    rules_.conflation_key = "symbol";
    rules_.is_coordinated = true;
    rules_.full_message_interval = 4;
    options_.text_frame = plain;
    options_.text_head = no_head;
    options_.chain_policy = this;
    model::AppOptions described;
    described.id = "a";
    app_ = base::make_ref<const model::App>(described);
    begin();
  }
  void begin() {
    home_ = std::make_unique<Home>(*this, *this, options_, 1);
    home_->set_subscribers({this}, this);
  }

  void subscribe() {
    Join join{app_, name_, 0, {1, 1}, {}};
    join.form_class = kFossil;
    home_->join(join);
  }
  Publish publish_of(const std::string& data) { return {app_, name_, "e", data, {}, {}}; }
  void publish(const std::string& data) {
    home_->publish(publish_of(data), [](const Released&) {});
  }
  // Of another node.
  void hear(const std::string& key, Verdict verdict) {
    Publish publish = publish_of(data_of(key));
    publish.is_remote = true;
    publish.conflation_key = verdict == Verdict::kNone ? "" : key;
    publish.verdict = verdict;
    home_->publish(std::move(publish), [](const Released&) {});
  }
  void answer(Order order) {
    auto call = std::move(asked_.front().answer);
    asked_.pop_front();
    call(order);
  }

  std::size_t self() const override { return 0; }
  std::size_t loop_count() const override { return 1; }
  void post(std::size_t, base::Task task, std::size_t) override { task(); }
  std::size_t mailbox_bytes(std::size_t) const override { return 0; }
  void after(base::Duration, base::Task) override {}
  const base::Clock& clock() const override { return *this; }
  base::TimePoint now() const override { return base::TimePoint(std::chrono::hours(1)); }
  base::WallTime wall_now() const override { return {}; }
  void order(const OrderRequest& request, base::Function<void(Order)> answer) override {
    if (!request.is_counted) return answer(Order::kRelease);
    asked_.push_back(
        {true, std::string(request.conflation_key), request.interval, std::move(answer)});
  }
  void enter(std::uint32_t, base::Task join) override { join(); }
  void follow(std::uint32_t, base::Task task) override { task(); }
  void occupy(std::uint32_t) override {}
  void vacate(std::uint32_t) override {}
  std::uint64_t send(std::uint32_t, const Publish& publish) override {
    sent_.push_back({publish.conflation_key, publish.verdict});
    return sent_.size();
  }
  void send_ordered(std::uint32_t, Publish&& publish,
                    base::Function<void(Released)> done) override {
    sent_.push_back({publish.conflation_key, publish.verdict});
    under_way_.push_back({std::move(publish), std::move(done)});
  }
  // The oldest that is under way comes back in the broker's order.
  void come_back() {
    auto [publish, done] = std::move(under_way_.front());
    under_way_.pop_front();
    publish.is_remote = publish.is_returned = true;
    home_->publish(std::move(publish), std::move(done));
  }
  SharedState& shared() override { return shared_; }
  void share(const ShareChange&) override {}
  bool are_there() const override { return true; }
  bool are_known() const override { return true; }
  void deliver(const model::MessageRef& message) override { heard_.push_back(message); }
  std::uint32_t terminate_user(const std::string&, const std::string&, base::TimePoint) override {
    return 0;
  }
  ChainOptionsRef find(const model::App&, const model::ChannelName&) override {
    return std::make_shared<const ChainOptions>(rules_);
  }
  bool coordinates() const override { return coordinates_; }

  using Sent = std::vector<std::pair<std::string, Verdict>>;
  AloneState shared_;
  ChainOptions rules_;
  bool coordinates_ = true;
  Options options_;
  model::AppRef app_;
  const model::ChannelName name_ = model::ChannelName::parse("ticker:x", 200).value();
  std::unique_ptr<Home> home_;
  std::deque<Asked> asked_;
  Sent sent_;
  std::deque<std::pair<Publish, base::Function<void(Released)>>> under_way_;
  std::vector<model::MessageRef> heard_;
};

TEST_F(VerdictTest, TheEntryNodeDecidesOnceAndTellsTheOthers) {
  for (const Order order : {Order::kDelta, Order::kFull}) {
    publish(data_of("AAPL"));
    ASSERT_EQ(asked_.size(), 1U);
    EXPECT_EQ(asked_.front().key, "AAPL");
    EXPECT_EQ(asked_.front().interval, 4U);
    EXPECT_TRUE(sent_.size() < 2) << "asked before it is sent";
    answer(order);
  }
  EXPECT_EQ(sent_, (Sent{{"AAPL", Verdict::kDelta}, {"AAPL", Verdict::kFull}}));
}

TEST_F(VerdictTest, WhatIsOutsideTheChainsIsPlainForAllAndTakesNoPlace) {
  publish("\"small\"");
  publish("\"\"");
  EXPECT_TRUE(asked_.empty());
  EXPECT_EQ(sent_, (Sent{{"", Verdict::kPlain}, {"", Verdict::kPlain}}));
}

TEST_F(VerdictTest, AMessageWithoutAKeyIsCountedInTheDefaultChain) {
  publish("{\"pad\":\"" + std::string(200, 'p') + "\"}");
  ASSERT_EQ(asked_.size(), 1U);
  EXPECT_EQ(asked_.front().key, "_");
}

TEST_F(VerdictTest, ALateDecisionIsTheChainsOwnCountAndTravelsAsAnyOther) {
  // Full by interval is the third after two that were not, whoever decided these.
  std::vector<Verdict> verdicts;
  for (const Order order : {Order::kFull, Order::kDelta, Order::kRelease, Order::kRelease,
                            Order::kRelease, Order::kRelease}) {
    publish(data_of("AAPL"));
    answer(order);
    verdicts.push_back(sent_.back().second);
  }
  EXPECT_EQ(verdicts, (std::vector<Verdict>{Verdict::kFull, Verdict::kDelta, Verdict::kDelta,
                                            Verdict::kDelta, Verdict::kFull, Verdict::kDelta}));
}

TEST_F(VerdictTest, ALocalDecisionIsMadeAtTheRelease) {
  for (int i = 0; i < 5; ++i) publish(data_of("AAPL"));
  ASSERT_EQ(asked_.size(), 5U);
  for (int i = 4; i > 0; --i) {  // the later ones fall back first
    auto call = std::move(asked_.back().answer);
    asked_.pop_back();
    call(Order::kRelease);
  }
  EXPECT_TRUE(sent_.empty()) << "a channel's messages leave in order";
  answer(Order::kFull);
  ASSERT_EQ(sent_.size(), 5U);
  EXPECT_EQ(sent_[3].second, Verdict::kDelta);
  EXPECT_EQ(sent_[4].second, Verdict::kFull) << "four after the full one";
}

TEST_F(VerdictTest, AReceiverFollowsWhateverItsOwnSettings) {
  coordinates_ = false;
  rules_.full_message_interval = 2;
  rules_.data_bytes_min = 100'000;
  home_->configure_chains();
  subscribe();
  for (const Verdict verdict : {Verdict::kDelta, Verdict::kDelta, Verdict::kDelta, Verdict::kFull,
                                Verdict::kDelta, Verdict::kPlain}) {
    hear("AAPL", verdict);
  }
  ASSERT_EQ(heard_.size(), 6U);
  std::vector<bool> due;
  for (int i = 0; i < 5; ++i) {
    ASSERT_NE(heard_[i]->entry->slot, UINT32_MAX) << i;
    due.push_back(heard_[i]->entry->is_due);
  }
  EXPECT_EQ(due, (std::vector<bool>{false, false, false, true, false}));
  EXPECT_EQ(heard_[0]->entry->base, 0U) << "a verdict \"delta\" never forces one";
  EXPECT_NE(heard_[1]->entry->base, 0U);
  EXPECT_EQ(heard_[5]->entry->tail, "") << "plain";
}

TEST_F(VerdictTest, TheOriginatorFollowsToo) {
  subscribe();
  for (const Order order : {Order::kDelta, Order::kFull, Order::kFull, Order::kDelta}) {
    publish(data_of("AAPL"));
    answer(order);
  }
  std::vector<bool> due;
  for (const auto& message : heard_) due.push_back(message->entry->is_due);
  EXPECT_EQ(due, (std::vector<bool>{false, true, true, false}));
}

TEST_F(VerdictTest, WhatTakesTheBrokersOrderIsDecidedBeforeItGoes) {
  options_.broker_ordered = {"ticker:*"};
  begin();
  subscribe();
  for (const Order order : {Order::kRelease, Order::kDelta, Order::kFull}) {
    publish(data_of("AAPL"));
    ASSERT_EQ(asked_.size(), 1U);
    answer(order);
  }
  EXPECT_EQ(sent_,
            (Sent{{"AAPL", Verdict::kDelta}, {"AAPL", Verdict::kDelta}, {"AAPL", Verdict::kFull}}));
  EXPECT_TRUE(heard_.empty()) << "it is not back";
  EXPECT_EQ(home_->counters().accepted, 0U);
  for (int i = 0; i < 3; ++i) come_back();
  EXPECT_TRUE(asked_.empty()) << "what comes back has its verdict";
  ASSERT_EQ(heard_.size(), 3U);
  EXPECT_FALSE(heard_[1]->entry->is_due);
  EXPECT_TRUE(heard_[2]->entry->is_due);
  EXPECT_EQ(home_->counters().released, 3U);
}

TEST_F(VerdictTest, WhatComesBackIsNotCountedTwice) {
  options_.broker_ordered = {"ticker:*"};
  begin();
  std::vector<Verdict> verdicts;
  for (const Order order :
       {Order::kFull, Order::kRelease, Order::kRelease, Order::kRelease, Order::kRelease}) {
    publish(data_of("AAPL"));
    answer(order);
    verdicts.push_back(sent_.back().second);
    come_back();
  }
  EXPECT_EQ(verdicts, (std::vector<Verdict>{Verdict::kFull, Verdict::kDelta, Verdict::kDelta,
                                            Verdict::kDelta, Verdict::kFull}));
}

TEST_F(VerdictTest, AMessageWithoutAVerdictIsCountedLocally) {
  subscribe();
  hear("AAPL", Verdict::kFull);
  for (int i = 0; i < 4; ++i) hear("AAPL", Verdict::kNone);
  ASSERT_EQ(heard_.size(), 5U);
  EXPECT_FALSE(heard_[3]->entry->is_due);
  EXPECT_TRUE(heard_[4]->entry->is_due);
  EXPECT_TRUE(asked_.empty()) << "the common counter is not asked for it";
}

TEST_F(VerdictTest, ATextWithAMemberOfTheDecodersIsFullWhateverTheVerdict) {
  subscribe();
  hear("AAPL", Verdict::kDelta);
  Publish publish = publish_of("\"__delta_seq\"");
  publish.is_remote = true;
  publish.verdict = Verdict::kPlain;
  home_->publish(std::move(publish), [](const Released&) {});
  EXPECT_TRUE(heard_.back()->entry->is_due);
}

TEST_F(VerdictTest, WithoutCoordinationNobodyIsAskedAndNothingIsSaid) {
  coordinates_ = false;
  publish(data_of("AAPL"));
  EXPECT_TRUE(asked_.empty());
  EXPECT_EQ(sent_, (Sent{{"", Verdict::kNone}}));
}

TEST(IntervalCountsTest, TheLongestUnusedIsForgotten) {
  IntervalCounts counts(2, 1);
  counts.note("a", false);
  counts.note("b", false);
  counts.note("a", false);
  counts.note("c", false);
  EXPECT_EQ(counts.size(), 2U);
  EXPECT_TRUE(counts.is_due("a", 3));
  EXPECT_FALSE(counts.is_due("b", 2));
  EXPECT_TRUE(counts.is_due("c", 2));
}

}  // namespace
}  // namespace mr::channel
