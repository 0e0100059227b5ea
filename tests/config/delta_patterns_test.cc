#include "config/delta_patterns.h"

#include <gtest/gtest.h>

#include <string>

#include "config/loading.h"

namespace mr::config {
namespace {

using model::DeltaPattern;

struct Outcome {
  std::vector<DeltaPattern> patterns;
  std::vector<std::string> faults;  // "line:column text"
};

Outcome read(std::string_view text) {
  const Document document = read_document(text);
  EXPECT_TRUE(document.faults.empty()) << text;
  Outcome outcome;
  std::vector<Fault> faults;
  outcome.patterns = read_delta_patterns(document.root, "channel_delta_compression", faults);
  for (const Fault& fault : faults) {
    outcome.faults.push_back(std::to_string(fault.mark.line) + ":" +
                             std::to_string(fault.mark.column) + " " + fault.text);
  }
  return outcome;
}

std::string only_fault(std::string_view text) {
  const Outcome outcome = read(text);
  EXPECT_EQ(outcome.faults.size(), 1U) << text;
  EXPECT_TRUE(outcome.patterns.empty()) << "a wrong entry is left out: " << text;
  return outcome.faults.empty() ? "" : outcome.faults.front();
}

TEST(DeltaPatternsTest, Words) {
  const Outcome outcome =
      read("{\"a\": \"inherit\", \"b*\": \"disabled\", \"*c\": \"fossil\", \"*\": \"Xdelta3\"}");
  EXPECT_TRUE(outcome.faults.empty());
  ASSERT_EQ(outcome.patterns.size(), 4U);
  EXPECT_EQ(outcome.patterns[0].pattern, "a");
  EXPECT_EQ(outcome.patterns[0].enabled, std::nullopt);
  EXPECT_EQ(outcome.patterns[1].pattern, "b*");
  EXPECT_EQ(outcome.patterns[1].enabled, false);
  EXPECT_EQ(outcome.patterns[2].enabled, true);
  EXPECT_EQ(outcome.patterns[2].algorithm, model::DeltaAlgorithm::kFossil);
  EXPECT_EQ(outcome.patterns[3].algorithm, model::DeltaAlgorithm::kVcdiff);
}

TEST(DeltaPatternsTest, EveryKeyOfAMap) {
  const Outcome outcome = read(R"(
ticker:*:
  enabled: false
  algorithm: Fossil
  conflation_key: data.symbol
  max_messages_per_key: 3
  max_conflation_keys: 4
  full_message_interval: 5
  min_message_size: 0
  cache_sync: bases
  enable_tags: false
book:
  cache_sync: empty
  algorithm: null
)");
  EXPECT_TRUE(outcome.faults.empty()) << outcome.faults.front();
  ASSERT_EQ(outcome.patterns.size(), 2U);
  const DeltaPattern& all = outcome.patterns[0];
  EXPECT_EQ(all.pattern, "ticker:*");
  EXPECT_EQ(all.enabled, false);
  EXPECT_EQ(all.algorithm, model::DeltaAlgorithm::kFossil);
  EXPECT_EQ(all.conflation_key, "data.symbol");
  EXPECT_EQ(all.max_messages_per_key, 3U);
  EXPECT_EQ(all.max_conflation_keys, 4U);
  EXPECT_EQ(all.full_message_interval, 5U);
  EXPECT_EQ(all.min_message_size, 0U);
  EXPECT_EQ(all.cache_sync, model::CacheSync::kBases);
  EXPECT_EQ(all.enable_tags, false);
  EXPECT_EQ(outcome.patterns[1].cache_sync, model::CacheSync::kEmpty);
  EXPECT_EQ(outcome.patterns[1].algorithm, std::nullopt);
}

TEST(DeltaPatternsTest, FaultsNamePlaceKeyValueAndRemedy) {
  EXPECT_EQ(only_fault("a:\n  full_mesage_interval: 5\n"),
            "2:3 unknown key \"channel_delta_compression[a].full_mesage_interval\"; did you mean "
            "\"full_message_interval\"?");
  EXPECT_EQ(only_fault("a:\n  full_message_interval: 0\n"),
            "2:26 \"channel_delta_compression[a].full_message_interval\": must be between 1 and "
            "1000000, found 0");
  EXPECT_EQ(only_fault("a:\n  enabled: \"yes\"\n").find("2:12 "), 0U);
  EXPECT_EQ(only_fault("a:\n  algorithm: brotli\n"),
            "2:14 \"channel_delta_compression[a].algorithm\": must be one of: fossil xdelta3; "
            "found \"brotli\"");
  EXPECT_EQ(only_fault("a:\n  cache_sync: all\n"),
            "2:15 \"channel_delta_compression[a].cache_sync\": must be one of: empty bases; found "
            "\"all\"");
  EXPECT_EQ(only_fault("a: off\n"),
            "1:4 \"channel_delta_compression[a]\": must be one of: inherit disabled fossil "
            "xdelta3, or a map; found \"off\"");
  EXPECT_EQ(only_fault("a: [fossil]\n"),
            "1:4 \"channel_delta_compression[a]\": must be a text or a map, found a list");
  EXPECT_EQ(only_fault("[a]"),
            "1:1 \"channel_delta_compression\": must be a map from channel pattern to settings");
  EXPECT_NE(only_fault("a:\n  zzzzzzzz: 1\n").find("; known are enabled algorithm "),
            std::string::npos);
}

TEST(DeltaPatternsTest, ConflationKeysAreNamesBetweenDots) {
  for (const std::string path : {"", ".a", "a.", "a..b"}) {
    const std::string text = "{\"a\": {\"conflation_key\": \"" + path + "\"}}";
    EXPECT_NE(only_fault(text).find("must be names of members with dots between them"),
              std::string::npos)
        << path;
  }
  EXPECT_TRUE(
      read("{\"a\": {\"conflation_key\": \"" + std::string(256, 'k') + "\"}}").faults.empty());
  only_fault("{\"a\": {\"conflation_key\": \"" + std::string(257, 'k') + "\"}}");
}

TEST(DeltaPatternsTest, PatternsHaveOneStarAtOneEnd) {
  for (const char* pattern :
       {"*", "a*", "*a", "a", "ticker:*", "#server-to-user-*", "a.b;c,d=e@f"}) {
    const Outcome outcome = read("{\"" + std::string(pattern) + "\": \"fossil\"}");
    EXPECT_TRUE(outcome.faults.empty()) << pattern;
    EXPECT_EQ(outcome.patterns.size(), 1U) << pattern;
  }
  for (const char* pattern : {"", "**", "*a*", "a*b", "a b", "#a", "a/*"}) {
    const std::string fault = only_fault("{\"" + std::string(pattern) + "\": \"fossil\"}");
    EXPECT_NE(fault.find(" is no channel pattern; write a name, `prefix*`, `*suffix` or `*`"),
              std::string::npos)
        << fault;
  }
}

TEST(DeltaPatternsTest, AllProblemsAreReportedAndGoodEntriesKept) {
  const Outcome outcome = read("a: off\nb: fossil\nc: {enabled: 1, more: 2}\n");
  EXPECT_EQ(outcome.faults.size(), 3U);
  ASSERT_EQ(outcome.patterns.size(), 1U);
  EXPECT_EQ(outcome.patterns[0].pattern, "b");
}

// Of the node and of an app, from a file, the environment and flags.
TEST(DeltaPatternsTest, EveryLayerReachesThem) {
  const LoadOutcome outcome = load_text(R"(
channel_delta_compression: {"ticker:*": {conflation_key: symbol}}
apps:
  - {id: a, key: k, secret: s, channel_delta_compression: {"*": disabled}}
  - {id: b, key: l, secret: s, policy: {channels: {channel_delta_compression: {"c": xdelta3}}}}
)");
  EXPECT_EQ(joined(outcome.errors), "");
  EXPECT_EQ(value_of(outcome, "channel_delta_compression"),
            R"({"ticker:*": {"conflation_key": "symbol"}})");
  EXPECT_EQ(origin_of(outcome, "channel_delta_compression"), "c.yaml:2:28");
  EXPECT_EQ(value_of(outcome, "apps[0].channel_delta_compression"), R"({"*": {"enabled": false}})");
  EXPECT_EQ(value_of(outcome, "apps[1].channel_delta_compression"),
            R"({"c": {"enabled": true, "algorithm": "xdelta3"}})");
  const std::string json = R"({"d": {"min_message_size": 7, "cache_sync": "bases"}})";
  const LoadOutcome by_env = load_text(kApp, {{"MILLRACE__CHANNEL_DELTA_COMPRESSION", json}});
  EXPECT_EQ(joined(by_env.errors), "");
  EXPECT_EQ(value_of(by_env, "channel_delta_compression"), json);
}

TEST(DeltaPatternsTest, FaultsOfALoadHaveFileLineAndColumn) {
  EXPECT_EQ(joined(load_text("channel_delta_compression:\n  a: off\n" + std::string(kApp)).errors),
            "c.yaml:2:6: \"channel_delta_compression[a]\": must be one of: inherit disabled fossil "
            "xdelta3, or a map; found \"off\"\n");
  const LoadOutcome app = load_text(
      "apps:\n  - {id: a, key: k, secret: s,\n     channel_delta_compression: {a: {enabeld: "
      "1}}}\n");
  EXPECT_EQ(
      joined(app.errors),
      "c.yaml:3:38: unknown key \"apps[0].channel_delta_compression[a].enabeld\"; did you mean "
      "\"enabled\"?\n");
  EXPECT_NE(
      joined(
          load_text("delta_compression: {conflation_key_path: a..b}\n" + std::string(kApp)).errors)
          .find("\"delta_compression.conflation_key_path\": \"a..b\" must be names of members"),
      std::string::npos);
}

}  // namespace
}  // namespace mr::config
