#include "cluster/node_news.h"

#include <gtest/gtest.h>

namespace mr::cluster {
namespace {

using Kind = NodeChange::Kind;

constexpr BootId kSelf{1};
constexpr BootId kOther{2};

NodeLine line_of(BootId boot, bool is_alive = true) {
  NodeLine line;
  line.boot = boot;
  line.name = "n" + to_text(boot);
  line.status = "healthy";
  line.is_alive = is_alive;
  line.beat = 1;
  return line;
}

std::vector<Kind> kinds_of(const std::vector<NodeChange>& changes) {
  std::vector<Kind> kinds;
  for (const NodeChange& change : changes) kinds.push_back(change.kind);
  return kinds;
}

TEST(NodeNewsTest, EachChangeIsToldOnce) {
  NodeNews news(kSelf);
  NodeLine other = line_of(kOther);
  EXPECT_EQ(kinds_of(news.look({line_of(kSelf), other})), std::vector{Kind::kJoined});
  EXPECT_TRUE(news.look({line_of(kSelf), other}).empty());
  other.status = "draining";
  const auto updated = news.look({other});
  EXPECT_EQ(kinds_of(updated), std::vector{Kind::kUpdated});
  EXPECT_EQ(updated.front().line.status, "draining");
  EXPECT_TRUE(news.look({other}).empty());
  other.facts.address = "10.0.0.9";
  EXPECT_EQ(kinds_of(news.look({other})), std::vector{Kind::kUpdated});
  other.is_alive = false;
  other.has_left = true;
  EXPECT_EQ(kinds_of(news.look({other})), std::vector{Kind::kLeft});
  EXPECT_TRUE(news.look({other}).empty());
  EXPECT_EQ(news.counters().joined, 1U);
  EXPECT_EQ(news.counters().updated, 2U);
  EXPECT_EQ(news.counters().left, 1U);
  EXPECT_EQ(news.counters().silent, 0U);
}

TEST(NodeNewsTest, ASilentNodeThatComesBackJoinsAgain) {
  NodeNews news(kSelf);
  news.look({line_of(kOther)});
  EXPECT_EQ(kinds_of(news.look({line_of(kOther, false)})), std::vector{Kind::kSilent});
  EXPECT_EQ(kinds_of(news.look({line_of(kOther)})), std::vector{Kind::kJoined});
  EXPECT_EQ(news.counters().silent, 1U);
  EXPECT_EQ(news.counters().joined, 2U);
}

TEST(NodeNewsTest, LoadIsNoNewsAndNeitherIsWhoSentNoHeartbeatYet) {
  NodeNews news(kSelf);
  NodeLine other = line_of(kOther);
  other.beat = 0;
  EXPECT_TRUE(news.look({other}).empty());
  other.beat = 1;
  EXPECT_EQ(kinds_of(news.look({other})), std::vector{Kind::kJoined});
  other.load.connections = 7;
  EXPECT_TRUE(news.look({other}).empty());
}

TEST(NodeNewsTest, WhoIsNoLongerListedIsForgottenWithoutNews) {
  NodeNews news(kSelf);
  news.look({line_of(kOther, false)});
  EXPECT_TRUE(news.look({}).empty());
  EXPECT_EQ(kinds_of(news.look({line_of(kOther)})), std::vector{Kind::kJoined});
}

TEST(BootIdTest, ItsTextHasSixteenDigits) {
  EXPECT_EQ(to_text(BootId{0x0123456789abcdef}), "0123456789abcdef");
  EXPECT_EQ(to_text(BootId{1}), "0000000000000001");
}

}  // namespace
}  // namespace mr::cluster
