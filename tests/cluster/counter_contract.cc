#include "cluster/counter_contract.h"

#include <algorithm>

namespace mr::cluster::test {

using namespace std::chrono_literals;

std::unique_ptr<CountingNode> CounterContract::node(const std::string& name) {
  auto made = std::make_unique<CountingNode>(*back_end_, name);
  (*made)->set_patience(2s);
  EXPECT_TRUE(back_end_->run_until([&] { return (*made)->problem().empty(); }, 10s))
      << (*made)->problem();
  return made;
}

TEST_P(CounterContract, TheNthMessageIsFullWhoeverAsks) {
  const auto first = node("n1"), second = node("n2");
  std::vector<std::uint32_t> places;
  std::vector<bool> fulls;
  for (std::size_t i = 0; i < 12; ++i) {
    CountingNode& asking = i % 3 == 0 ? *second : *first;
    const std::size_t before = asking.counted().size();
    ASSERT_TRUE(asking.count("AAPL", 5));
    ASSERT_TRUE(back_end_->run_until([&] { return asking.counted().size() > before; }, 5s));
    places.push_back(asking.counted().rbegin()->second.place);
    fulls.push_back(asking.counted().rbegin()->second.is_full);
  }
  EXPECT_EQ(places, (std::vector<std::uint32_t>{1, 2, 3, 4, 5, 1, 2, 3, 4, 5, 1, 2}));
  EXPECT_EQ(std::ranges::count(fulls, true), 2);
  EXPECT_TRUE(fulls[4] && fulls[9]);
}

TEST_P(CounterContract, FourNodesAtATimeTakeEveryPlaceOnce) {
  std::vector<std::unique_ptr<CountingNode>> nodes;
  for (const char* name : {"n1", "n2", "n3", "n4"}) nodes.push_back(node(name));
  constexpr int kEach = 250;
  for (int i = 0; i < kEach; ++i) {
    for (auto& asking : nodes) ASSERT_TRUE(asking->count("AAPL"));
    if (i % 10 == 0) back_end_->run_until([] { return false; }, 1ms);
  }
  ASSERT_TRUE(back_end_->run_until(
      [&] {
        return std::ranges::all_of(nodes, [](auto& n) { return n->counted().size() == kEach; });
      },
      20s));
  std::map<std::uint32_t, int> taken;
  for (auto& asking : nodes) {
    for (const std::uint32_t place : asking->places()) ++taken[place];
    EXPECT_EQ(asking->uncounted(), 0);
  }
  ASSERT_EQ(taken.size(), 10U);
  for (const auto& [place, times] : taken) EXPECT_EQ(times, 4 * kEach / 10) << place;
}

TEST_P(CounterContract, KeysAreCountedApart) {
  const auto asking = node("n1");
  for (const char* key : {"A", "A:B", "%5F", "_", "A"}) ASSERT_TRUE(asking->count(key));
  ASSERT_TRUE(back_end_->run_until([&] { return asking->counted().size() == 5; }, 5s));
  EXPECT_EQ(asking->places(), (std::vector<std::uint32_t>{1, 1, 1, 1, 2}));
}

TEST_P(CounterContract, WhoCountedLastAndByWhichIntervalIsTold) {
  const auto first = node("n1"), second = node("n2");
  ASSERT_TRUE(first->count("AAPL", 7));
  ASSERT_TRUE(back_end_->run_until([&] { return first->counted().size() == 1; }, 5s));
  ASSERT_TRUE(second->count("AAPL", 9));
  ASSERT_TRUE(back_end_->run_until([&] { return second->counted().size() == 1; }, 5s));
  EXPECT_EQ(second->counted().at(1).before, (Count{1, 7, "n1"}));
}

TEST_P(CounterContract, ACounterCanBeReadAndReset) {
  const auto asking = node("n1");
  const CounterKey key = {"app", "ticker:x", "AAPL"};
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(asking->count("AAPL"));
  ASSERT_TRUE(back_end_->run_until([&] { return asking->counted().size() == 3; }, 5s));
  std::optional<CounterState> held;
  (*asking)->read(key, [&](std::optional<CounterState> state) { held = std::move(state); });
  ASSERT_TRUE(back_end_->run_until([&] { return held.has_value(); }, 5s));
  EXPECT_EQ(held->count, (Count{3, 10, "n1"}));
  EXPECT_EQ(held->key, key);
  EXPECT_NE(held->life, StoreLife::kNone);
  ASSERT_TRUE(held->ends_in.has_value());
  EXPECT_LE(*held->ends_in, 5min);
  EXPECT_GE(*held->ends_in, 4min + 50s);
  bool is_reset = false;
  (*asking)->reset(key, [&](bool was_reset) { is_reset = was_reset; });
  ASSERT_TRUE(back_end_->run_until([&] { return is_reset; }, 5s));
  ASSERT_TRUE(asking->count("AAPL"));
  ASSERT_TRUE(back_end_->run_until([&] { return asking->counted().size() == 4; }, 5s));
  EXPECT_EQ(asking->counted().at(4).place, 1U);
}

CounterPage CounterContract::page_of(CountingNode& node, const CounterQuery& query) {
  std::optional<CounterPage> page;
  node->list(query, [&](CounterPage told) { page = std::move(told); });
  EXPECT_TRUE(back_end_->run_until([&] { return page.has_value(); }, 10s));
  return page.value_or(CounterPage{});
}

TEST_P(CounterContract, AllCountersAreListedPageByPage) {
  const auto asking = node("n1");
  std::map<std::string, std::uint32_t> expected;
  for (std::uint32_t i = 0; i < 1500; ++i) {
    const std::string key = "K" + std::to_string(i);
    ASSERT_TRUE(asking->count(key));
    expected[key] = 1;
  }
  ASSERT_TRUE(asking->count("K7"));
  expected["K7"] = 2;
  ASSERT_TRUE(back_end_->run_until([&] { return asking->counted().size() == 1501; }, 20s));
  std::map<std::string, std::uint32_t> listed;
  CounterQuery query{.limit = 100};
  int pages = 0;
  do {
    const CounterPage page = page_of(*asking, query);
    ASSERT_EQ(page.problem, "");
    EXPECT_LT(page.counters.size(), 1000U) << "a page has a bound";
    for (const CounterState& each : page.counters) {
      listed[each.key.conflation_key] = each.count.count;
      EXPECT_EQ(each.count.node, "n1");
      EXPECT_TRUE(each.ends_in && *each.ends_in > 4min && *each.ends_in <= 5min);
    }
    query.cursor = page.next;
    ++pages;
  } while (!query.cursor.empty() && pages < 100);
  EXPECT_EQ(listed, expected);
  EXPECT_GE(pages, 3);
}

TEST_P(CounterContract, OfOneAppOrChannelAloneAreListedItsCounters) {
  const auto asking = node("n1");
  const std::vector<CounterKey> keys = {{"a", "x", "K:1"},    {"a", "x:y", "K"}, {"a*", "x", "K"},
                                        {"a:b{}%", "x", "K"}, {"b", "x", "%5F"}, {"b", "x", "_"}};
  for (const CounterKey& key : keys) ASSERT_TRUE(asking->count(key, 10));
  ASSERT_TRUE(back_end_->run_until([&] { return asking->counted().size() == keys.size(); }, 5s));
  const auto listed = [&](const std::string& app, const std::string& channel) {
    std::vector<std::string> names;
    const CounterPage page = page_of(*asking, {.app_id = app, .channel = channel});
    for (const CounterState& each : page.counters) {
      names.push_back(each.key.app_id + " " + each.key.channel + " " + each.key.conflation_key);
    }
    std::ranges::sort(names);
    return names;
  };
  using Names = std::vector<std::string>;
  EXPECT_EQ(listed("a", "x"), (Names{"a x K:1"}));
  EXPECT_EQ(listed("a", ""), (Names{"a x K:1", "a x:y K"}));
  EXPECT_EQ(listed("a*", ""), (Names{"a* x K"})) << "no pattern";
  EXPECT_EQ(listed("a:b{}%", ""), (Names{"a:b{}% x K"}));
  EXPECT_EQ(listed("", "x"), (Names{"a x K:1", "a* x K", "a:b{}% x K", "b x %5F", "b x _"}));
  EXPECT_EQ(listed("c", ""), Names{});
  EXPECT_NE(page_of(*asking, {.cursor = "nonsense/7x"}).problem.find("leads nowhere"),
            std::string::npos);
}

TEST_P(CounterContract, AStoreThatHangsIsSilenceAndALateAnswerIsNone) {
  const auto asking = node("n1");
  ASSERT_TRUE(asking->count("AAPL"));
  ASSERT_TRUE(back_end_->run_until([&] { return asking->counted().size() == 1; }, 5s));
  (*asking)->set_patience(100ms);
  back_end_->pause_broker();
  ASSERT_TRUE(asking->count("AAPL"));
  EXPECT_TRUE(back_end_->run_until([&] { return asking->uncounted() == 1; }, 2s));
  EXPECT_EQ(asking->silences(), 1);
  back_end_->resume_broker();
  back_end_->run_until([] { return false; }, 300ms);
  EXPECT_EQ(asking->counted().size(), 1U) << "dropped";
}

TEST_P(CounterContract, AStoreThatComesBackCountsAgainWithinTwoSeconds) {
  const auto asking = node("n1");
  back_end_->stop_broker();
  ASSERT_TRUE(back_end_->run_until([&] { return !(*asking)->problem().empty(); }, 5s));
  EXPECT_FALSE(asking->count("AAPL")) << "nobody waits for who is away";
  back_end_->start_broker();
  EXPECT_TRUE(back_end_->run_until([&] { return (*asking)->problem().empty(); },
                                   back_end_->serves_within()));
  ASSERT_TRUE(asking->count("AAPL"));
  EXPECT_TRUE(back_end_->run_until([&] { return asking->counted().size() == 1; }, 5s));
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(CounterContract);

}  // namespace mr::cluster::test
