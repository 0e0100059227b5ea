#include "delta/settings.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace mr::delta {
namespace {

constexpr Algorithm kFossil = Algorithm::kFossil;
constexpr Algorithm kVcdiff = Algorithm::kVcdiff;

model::DeltaPattern keyed(std::string pattern, std::string conflation_key) {
  model::DeltaPattern entry;
  entry.pattern = std::move(pattern);
  entry.conflation_key = std::move(conflation_key);
  return entry;
}

TEST(DeltaSettingsTest, Patterns) {
  EXPECT_TRUE(matches("ticker:AAPL", "ticker:AAPL"));
  EXPECT_FALSE(matches("ticker:AAPL", "ticker:AAPLE"));
  EXPECT_TRUE(matches("ticker:*", "ticker:AAPL"));
  EXPECT_TRUE(matches("ticker:*", "ticker:"));
  EXPECT_FALSE(matches("ticker:*", "ticker"));
  EXPECT_TRUE(matches("*-book", "btc-book"));
  EXPECT_FALSE(matches("*-book", "btc-books"));
  EXPECT_TRUE(matches("*", "anything"));
}

TEST(DeltaSettingsTest, ExactThenLongestThenTheAppsThenTheOneWithItsTextInFront) {
  model::DeltaSettings node;
  node.delta.conflation_key_path = "default";
  node.channel_delta_compression = {keyed("*", "top any"), keyed("ticker:*", "top prefix"),
                                    keyed("ticker:A", "top exact"), keyed("abc*", "top abc")};
  std::vector<model::DeltaPattern> app = {keyed("*", "app any"), keyed("tick*", "app short"),
                                          keyed("*book", "app suffix"), keyed("book*", "app front"),
                                          keyed("abc*", "app abc")};
  const auto key_of = [&](std::string_view channel) {
    return resolve(node, app, channel).conflation_key;
  };
  const auto check = [&] {
    EXPECT_EQ(key_of("ticker:A"), "top exact");
    EXPECT_EQ(key_of("ticker:B"), "top prefix") << "longer than the app's tick*";
    EXPECT_EQ(key_of("ticks"), "app short");
    EXPECT_EQ(key_of("other"), "app any");
    EXPECT_EQ(key_of("abcd"), "app abc") << "an app's own entry wins";
    EXPECT_EQ(key_of("book-of-book"), "app front");
    EXPECT_EQ(key_of("my-book"), "app suffix");
  };
  check();
  std::reverse(app.begin(), app.end());
  std::reverse(node.channel_delta_compression.begin(), node.channel_delta_compression.end());
  check();
  EXPECT_EQ(resolve(node, {}, "other").conflation_key, "top any");
  node.channel_delta_compression.clear();
  EXPECT_EQ(resolve(node, {}, "other").conflation_key, "default");
}

TEST(DeltaSettingsTest, WithoutAPatternTheNodesDefaultsHold) {
  model::DeltaSettings node;
  node.delta.full_message_interval = 7;
  node.delta.min_message_size = 8;
  node.delta.max_conflation_states_per_channel = 9;
  node.tags.enable_tags = false;
  const ChannelSettings settings = resolve(node, {}, "c");
  EXPECT_EQ(settings.pattern, "");
  EXPECT_EQ(settings.enabled, std::nullopt);
  EXPECT_EQ(settings.algorithm, std::nullopt);
  EXPECT_EQ(settings.conflation_key, "");
  EXPECT_EQ(settings.max_messages_per_key, 10U);
  EXPECT_EQ(settings.max_conflation_keys, 9U);
  EXPECT_EQ(settings.full_message_interval, 7U);
  EXPECT_EQ(settings.min_message_size, 8U);
  EXPECT_EQ(settings.cache_sync, model::CacheSync::kEmpty);
  EXPECT_FALSE(settings.enable_tags);
}

TEST(DeltaSettingsTest, APatternsOwnValuesHoldAndTheRestIsTheNodes) {
  model::DeltaSettings node;
  node.delta.full_message_interval = 7;
  node.channel_delta_compression = {{.pattern = "c*",
                                     .enabled = false,
                                     .algorithm = kVcdiff,
                                     .conflation_key = "symbol",
                                     .max_messages_per_key = 3,
                                     .max_conflation_keys = 4,
                                     .full_message_interval = 5,
                                     .min_message_size = 6,
                                     .cache_sync = model::CacheSync::kBases,
                                     .enable_tags = false}};
  const ChannelSettings all = resolve(node, {}, "c1");
  EXPECT_EQ(all.pattern, "c*");
  EXPECT_EQ(all.enabled, false);
  EXPECT_EQ(all.algorithm, kVcdiff);
  EXPECT_EQ(all.conflation_key, "symbol");
  EXPECT_EQ(all.max_messages_per_key, 3U);
  EXPECT_EQ(all.max_conflation_keys, 4U);
  EXPECT_EQ(all.full_message_interval, 5U);
  EXPECT_EQ(all.min_message_size, 6U);
  EXPECT_EQ(all.cache_sync, model::CacheSync::kBases);
  EXPECT_FALSE(all.enable_tags);
  // "inherit" says nothing: the node's defaults, not those of the wider pattern.
  const std::vector<model::DeltaPattern> app = {{.pattern = "c1"}};
  const ChannelSettings inherited = resolve(node, app, "c1");
  EXPECT_EQ(inherited.pattern, "c1");
  EXPECT_EQ(inherited.enabled, std::nullopt);
  EXPECT_EQ(inherited.full_message_interval, 7U);
  EXPECT_EQ(inherited.conflation_key, "");
}

// One row: what each level says, and what comes of it.
struct Row {
  const char* name;
  std::optional<model::DeltaWish> subscription;
  std::optional<model::DeltaSwitch> connection;
  std::optional<bool> pattern_enabled;
  std::optional<Algorithm> pattern_algorithm;
  std::optional<Algorithm> expected;
};

model::DeltaSwitch offer(std::initializer_list<Algorithm> algorithms) {
  model::DeltaSwitch asked;
  asked.offer.emplace();
  for (const Algorithm algorithm : algorithms) asked.offer->add(algorithm);
  return asked;
}

std::vector<Row> precedence() {
  const model::DeltaWish on;
  const model::DeltaWish off = {.enabled = false};
  const model::DeltaWish vcdiff = {.algorithm = kVcdiff};
  const model::DeltaSwitch all;
  const model::DeltaSwitch none = {.enabled = false};
  const auto no = std::nullopt;
  return {
      {"nobody asked", no, no, no, no, no},
      {"nobody asked, the pattern enables", no, no, true, kVcdiff, no},
      {"the connection asked", no, all, no, no, kFossil},
      {"the connection switched off again", no, none, true, kFossil, no},
      {"the pattern is before the connection", no, all, false, no, no},
      {"the pattern names the algorithm", no, all, true, kVcdiff, kVcdiff},
      {"only if the client offered it", no, offer({kFossil}), true, kVcdiff, kFossil},
      {"the client's order", no, offer({kVcdiff, kFossil}), no, no, kVcdiff},
      {"the pattern is before the client's order", no, offer({kVcdiff, kFossil}), no, kFossil,
       kFossil},
      {"no common algorithm", no, offer({}), no, kFossil, no},
      {"the subscriber is before the pattern", on, no, false, no, kFossil},
      {"and before the connection", off, all, true, kFossil, no},
      {"the subscriber names the algorithm", vcdiff, offer({kFossil}), no, kFossil, kVcdiff},
      {"the subscriber leaves it to the pattern", on, no, no, kVcdiff, kVcdiff},
      {"or to the connection's offer", on, offer({kVcdiff}), no, kFossil, kVcdiff},
      {"on for this channel alone", on, none, no, no, kFossil},
  };
}

TEST(DeltaPrecedenceTest, TheTable) {
  model::DeltaOptions node;
  for (const Row& row : precedence()) {
    ChannelSettings channel;
    channel.enabled = row.pattern_enabled;
    channel.algorithm = row.pattern_algorithm;
    Question question{&node, &channel};
    question.subscription = row.subscription ? &*row.subscription : nullptr;
    question.connection = row.connection ? &*row.connection : nullptr;
    EXPECT_EQ(choose_algorithm(question), row.expected) << row.name;
    question.is_encrypted = true;
    EXPECT_EQ(choose_algorithm(question), std::nullopt) << "encrypted: " << row.name;
    question.is_encrypted = false;
    node.enabled = false;
    EXPECT_EQ(choose_algorithm(question), std::nullopt) << "node off: " << row.name;
    node.enabled = true;
  }
}

TEST(DeltaPrecedenceTest, TheNodesAlgorithmIsTheLastWord) {
  const model::DeltaOptions node = {.algorithm = kVcdiff};
  const ChannelSettings channel;
  const model::DeltaSwitch all;
  EXPECT_EQ(choose_algorithm({.node = &node, .channel = &channel, .connection = &all}), kVcdiff);
}

TEST(DeltaPrecedenceTest, TheAnswerToASwitch) {
  model::DeltaOptions node = {.algorithm = kVcdiff};
  EXPECT_EQ(confirm(node, {}), kVcdiff) << "no list: the server's";
  EXPECT_EQ(confirm(node, offer({kFossil})), kFossil);
  EXPECT_EQ(confirm(node, offer({kFossil, kVcdiff})), kFossil) << "the client's order";
  EXPECT_EQ(confirm(node, offer({})), std::nullopt);
  EXPECT_EQ(confirm(node, {.enabled = false}), std::nullopt);
  node.enabled = false;
  EXPECT_EQ(confirm(node, {}), std::nullopt);
}

}  // namespace
}  // namespace mr::delta
