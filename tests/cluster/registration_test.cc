#include "cluster/registration.h"

#include <gtest/gtest.h>

#include "cluster/quota_page.h"
#include "fault_world.h"

namespace mr::cluster::test {
namespace {

using Change = RegistrationEvents::Change;

class RollWorld;

// One node's registration, and what it was told. All nodes wish the same name.
class RollNode final : public RegistrationEvents {
 public:
  RollNode(RollWorld& world, std::size_t index);
  ~RollNode() {
    registration.stop();
    store_.stop();
  }
  net::sim::SimRuntime& runtime() { return runtime_; }
  void start() { registration.start(); }
  void on_registered() override { epochs.push_back(registration.epoch()); }
  void on_node(Change change, const RollLine& line) override {
    told.emplace_back(change, line.boot);
  }
  void on_name(const std::string& name) override { names.push_back(name); }

  std::vector<std::uint64_t> epochs;
  std::vector<std::pair<Change, BootId>> told;
  std::vector<std::string> names;

 private:
  net::sim::SimRuntime runtime_;
  WorldStore store_;

 public:
  Registration registration;
};

class RollWorld final : public FaultWorld<RollNode, RollWorld> {
 public:
  explicit RollWorld(std::size_t nodes, bool loses = false) : FaultWorld(11, setup(nodes, loses)) {}
  BootId new_boot() { return BootId{0xabcd'0000'0000'0000U + ++boots_}; }
  void on_crash(std::size_t) {}
  NodeRoll roll() { return parse_roll(server().state().records["nodes"].value).value(); }

 private:
  static Setup setup(std::size_t nodes, bool loses) {
    Setup made;
    made.nodes = nodes;
    made.loses = loses;
    return made;
  }
  std::uint64_t boots_ = 0;
};

RollNode::RollNode(RollWorld& world, std::size_t index)
    : runtime_(world.sim(), world.network(), {RollWorld::name_of(index), 1}),
      store_(world.server(), runtime_.control(), RollWorld::name_of(index)),
      registration(runtime_.control(), store_, world.new_boot(), {"node", kNodeTimeout}, *this) {}

TEST(RegistrationTest, NodesThatStartTogetherAllHaveALineAndAnEpochOfTheirOwn) {
  RollWorld world(4);
  world.boot_all();
  world.advance(2s);
  std::set<std::uint64_t> epochs;
  for (std::size_t i = 0; i < 4; ++i) {
    ASSERT_EQ(world.node(i).epochs.size(), 1U);
    epochs.insert(world.node(i).epochs.front());
    EXPECT_TRUE(world.node(i).registration.is_valid());
    EXPECT_EQ(world.node(i).told.size(), 3U) << "each other one, once";
  }
  EXPECT_EQ(epochs, (std::set<std::uint64_t>{1, 2, 3, 4}));
  EXPECT_EQ(world.roll().lines.size(), 4U);
}

TEST(RegistrationTest, ANameThatIsTakenGetsTheBootBehindItUntilItsHolderIsGone) {
  RollWorld world(2);
  world.do_boot(0);
  world.advance(1s);
  world.do_boot(1);
  world.advance(2s);
  EXPECT_EQ(world.node(0).registration.name(), "node");
  EXPECT_EQ(world.node(1).registration.name(), "node-abcd");
  EXPECT_EQ(world.node(1).names, std::vector<std::string>{"node-abcd"});
  bool has_left = false;
  world.node(0).registration.leave([&has_left] { has_left = true; });
  world.advance(2500ms);
  EXPECT_TRUE(has_left);
  world.advance(4s);
  EXPECT_EQ(world.node(1).registration.name(), "node");
  EXPECT_EQ(world.node(1).epochs.size(), 1U) << "the name changes, the registration does not";
  EXPECT_EQ(world.node(1).told, (std::vector<std::pair<Change, BootId>>{
                                    {Change::kJoined, world.node(0).registration.self()},
                                    {Change::kLeft, world.node(0).registration.self()}}));
  EXPECT_EQ(world.roll().lines.size(), 1U) << "nothing is written after leave()";
}

TEST(RegistrationTest, ACrashedNodeIsBuriedOnceAfterTheNodeTimeoutAndNotBefore) {
  RollWorld world(3);
  world.boot_all();
  world.advance(3s);
  const BootId boot = world.node(0).registration.self();
  world.do_crash(0);
  world.advance(3s + 3700ms);  // its last beat was up to 1.25 s before
  EXPECT_EQ(world.roll().lines.size(), 3U);
  world.advance(3s + kNodeTimeout + 1s);
  EXPECT_EQ(world.roll().lines.size(), 2U);
  for (const std::size_t i : {1, 2}) {
    EXPECT_EQ(world.node(i).told.back(), std::pair(Change::kDied, boot));
    EXPECT_EQ(world.node(i).told.size(), 3U);
  }
}

TEST(RegistrationTest, WhoWasBuriedRegistersUnderANewEpochAndHoldsNothingOfTheOldOne) {
  RollWorld world(2);
  world.boot_all();
  world.advance(3s);
  const std::uint64_t before = world.node(0).registration.epoch();
  const BootId boot = world.node(0).registration.self();
  world.do_pause(0, 10s);
  world.advance(12s);
  EXPECT_FALSE(world.roll().is_held(boot, before));
  EXPECT_FALSE(world.node(0).registration.is_valid()) << "a paused node wakes up without it";
  world.advance(14s);
  EXPECT_TRUE(world.node(0).registration.is_valid());
  EXPECT_GT(world.node(0).registration.epoch(), before);
  EXPECT_FALSE(world.roll().is_held(boot, before));
  EXPECT_TRUE(world.roll().is_held(boot, world.node(0).registration.epoch()));
}

TEST(RegistrationTest, WhoseDeadlinePassedUnburiedFollowsItselfAndStillHoldsWhatItHad) {
  RollWorld world(1);
  world.boot_all();
  world.advance(3s);
  const std::uint64_t before = world.node(0).registration.epoch();
  world.do_pause(0, 20s);
  world.advance(25s);
  EXPECT_EQ(world.node(0).epochs.size(), 2U);
  EXPECT_TRUE(world.roll().is_held(world.node(0).registration.self(), before));
}

TEST(RegistrationTest, ALostRegistrationIsWrittenAgainWithAnEpochAboveAllThatWereHeardOf) {
  RollWorld world(2, true);
  world.boot_all();
  world.advance(5s);
  world.server().start_empty();
  world.advance(7s);
  EXPECT_EQ(world.roll().lines.size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_GT(world.node(i).registration.epoch(), 2U);
    EXPECT_FALSE(world.node(i).registration.is_open(StoreLife{2}));
  }
  world.advance(7s + kNodeTimeout + 1s);
  for (std::size_t i = 0; i < 2; ++i) EXPECT_TRUE(world.node(i).registration.is_open(StoreLife{2}));
}

TEST(RegistrationTest, EnrollTellsAllLinesOrAfterTwoSecondsWithoutTheStoreItsOwn) {
  RollWorld world(2);
  world.server().go_away();
  world.boot_all();
  std::vector<std::size_t> told;
  world.node(0).registration.enroll(
      [&told](const Registration::Boots& boots) { told.push_back(boots.size()); });
  world.advance(1900ms);
  EXPECT_TRUE(told.empty());
  world.advance(2500ms);
  EXPECT_EQ(told, std::vector<std::size_t>{1});
  EXPECT_TRUE(world.node(0).registration.is_alone());
  world.server().come_back();
  world.advance(4s);
  world.node(0).registration.enroll(
      [&told](const Registration::Boots& boots) { told.push_back(boots.size()); });
  world.advance(4500ms);
  EXPECT_EQ(told, (std::vector<std::size_t>{1, 2}));
  EXPECT_FALSE(world.node(0).registration.is_alone());
}

TEST(RegistrationTest, ARecordOfAnotherVersionIsLeftAloneAndTold) {
  RollWorld world(1);
  world.server().state().records["nodes"] = {"roll 2 7", 1};
  world.boot_all();
  world.advance(3s);
  EXPECT_EQ(world.server().state().records["nodes"].value, "roll 2 7");
  EXPECT_NE(world.node(0).registration.problem().find("is not of this version"), std::string::npos);
}

// --- the records' texts --------------------------------------------------------------------------

TEST(NodeRollTest, WhatIsWrittenIsReadAndNothingElseIs) {
  NodeRoll roll;
  roll.epoch = 9;
  roll.set_open(StoreLife{77});
  roll.lines.push_back({BootId{0xa}, 9, 8, 3, "a b%"});
  roll.ends.push_back({BootId{0xb}, 7, true});
  roll.ends.push_back({BootId{0xc}, 6, false});
  const std::string text = encode_roll(roll);
  EXPECT_EQ(text,
            "roll 1 9\nopen 77\nnode 000000000000000a 9 8 3 a%20b%25\nleft 000000000000000b 7\n"
            "dead 000000000000000c 6");
  EXPECT_EQ(parse_roll(text), roll);
  EXPECT_EQ(parse_roll(""), NodeRoll{});
  for (const char* other :
       {"roll", "roll 2 9", "roll 1", "roll 1 9 9", "roll 1 9\nx", "x",
        "roll 1 9\nnode 000000000000000a 10 8 3 a", "roll 1 9\nnode 000000000000000a 8 9 3 a",
        "roll 1 9\nnode 000000000000000a 9 8 3 a%2", "roll 1 9\nopen 0",
        "roll 1 9\nnode 000000000000000a 9 8 3 a\nnode 000000000000000a 9 8 3 b",
        "roll 1 9\nleft 000000000000000b 7 1"}) {
    EXPECT_FALSE(parse_roll(other)) << other;
  }
}

TEST(NodeRollTest, LinesEndsAndLivesAreBounded) {
  NodeRoll roll;
  roll.epoch = 1000;
  for (std::uint64_t i = 1; i <= 100; ++i) {
    roll.lines.push_back({BootId{i}, i, i, 0, "n"});
    roll.end(BootId{i}, false);
    roll.set_open(StoreLife{i});
  }
  EXPECT_EQ(roll.ends.size(), NodeRoll::kEndsMax);
  EXPECT_EQ(roll.open.size(), NodeRoll::kLivesMax);
  EXPECT_TRUE(roll.is_open(StoreLife{100}));
  EXPECT_TRUE(parse_roll(encode_roll(roll)));
}

TEST(NodeRollTest, WhatARollIsTooOldToKnowCountsAsHeld) {
  NodeRoll roll;
  roll.epoch = 5;
  EXPECT_FALSE(roll.is_held(BootId{1}, 5));
  EXPECT_TRUE(roll.is_held(BootId{1}, 6));
}

TEST(QuotaPageTest, WhatIsWrittenIsReadAndNothingElseIs) {
  QuotaPage page;
  page.slices.push_back({"user:a b", BootId{1}, 2, 3, 4});
  const std::string text = encode_quota(page);
  EXPECT_EQ(text, "quota 1\nslice user%3Aa%20b 0000000000000001 2 3 4");
  EXPECT_EQ(parse_quota(text), page);
  EXPECT_EQ(parse_quota(""), QuotaPage{});
  EXPECT_EQ(encode_quota({}), "");
  for (const char* other :
       {"quota 2", "quota 1x", "quota 1\n", "quota 1\nslice a 0000000000000001 2 3",
        "quota 1\nslice a 0000000000000001 2 3 4294967296", "quota 1\nslice a 1 2 3 4",
        "quota 1\nslice a%f 0000000000000001 2 3 4"}) {
    EXPECT_FALSE(parse_quota(other)) << other;
  }
}

TEST(QuotaPageTest, AnAppHasARecordOfItsOwnAndUsersShareSome) {
  EXPECT_EQ(quota_record_of("app:x"), "quota.app:x");
  EXPECT_TRUE(quota_record_of("user:x").starts_with("quota.user."));
  EXPECT_EQ(quota_record_of("user:x"), quota_record_of("user:x"));
}

}  // namespace
}  // namespace mr::cluster::test
