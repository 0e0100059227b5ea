#include "base/random.h"

#include <gtest/gtest.h>

#include <iterator>
#include <string>

#include "filter/filter.h"
#include "filter/oracle.h"
#include "json/writer.h"

namespace mr::filter {
namespace {

constexpr std::string_view kWords[] = {"",    "a",        "b",   "ab",  "aba",  "1",  "1.0",
                                       "01",  "-2",       "1e1", "10",  "+3",   "\"", "nan",
                                       "inf", "\xc3\xa9", "9 ",  "1.5", "-0.0", "0"};
constexpr std::string_view kComparisons[] = {"eq", "neq", "in", "nin", "ex", "nex", "sw",
                                             "ew", "ct",  "gt", "gte", "lt", "lte"};

class RandomFilter {
 public:
  explicit RandomFilter(std::uint64_t seed) : random_(seed) {}

  std::string filter() {
    nodes_ = 0;
    if (pick(4) != 0) return node(1);
    std::string events;
    for (std::uint64_t i = 0; i <= pick(3); ++i) {
      events += (events.empty() ? "\"e" : ",\"e") + std::to_string(pick(3)) + "\"";
    }
    return "{\"events\":[" + events + "]" + (pick(2) == 0 ? ",\"tags\":" + node(1) : "") + "}";
  }

  model::Tags tags() {
    std::vector<model::Tag> tags;
    for (std::uint64_t i = pick(4); i > 0; --i) tags.push_back({key(), std::string(word())});
    return model::make_tags(std::move(tags));
  }

  std::string event() { return "e" + std::to_string(pick(4)); }

 private:
  std::uint64_t pick(std::uint64_t below) { return random_.below(below); }
  std::string_view word() { return kWords[pick(std::size(kWords))]; }
  std::string key() { return std::string(1, static_cast<char>('k' + pick(3))); }

  std::string value() {
    const auto kind = pick(6);
    return kind == 0 ? "true" : kind == 1 ? "10" : kind == 2 ? "-0.0" : json::quote(word());
  }

  std::string node(std::size_t depth) {
    if (++nodes_ < 60 && depth < kDepthMax && pick(5) < 2) return branch(depth);
    const std::string_view cmp = kComparisons[pick(std::size(kComparisons))];
    std::string text = "{\"key\":\"" + key() + "\",\"cmp\":\"" + std::string(cmp) + "\"";
    if (cmp != "in" && cmp != "nin") return text + ",\"val\":" + value() + "}";
    text += ",\"vals\":[" + value();
    for (std::uint64_t i = pick(4); i > 0; --i) text += "," + value();
    return text + "]}";
  }

  std::string branch(std::size_t depth) {
    const auto kind = pick(3);
    std::string text = kind == 0   ? R"({"op":"and","nodes":[)"
                       : kind == 1 ? R"({"op":"or","nodes":[)"
                                   : R"({"op":"not","nodes":[)";
    text += node(depth + 1);
    for (std::uint64_t i = kind == 2 ? 0 : pick(3); i > 0; --i) text += "," + node(depth + 1);
    return text + "]}";
  }

  base::SeededRandom random_;
  std::size_t nodes_ = 0;
};

TEST(FilterRandomTest, AgreesWithTheOracleAndKeepsItsMeaningInOneForm) {
  constexpr std::uint64_t kSeed = 20260811;
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  RandomFilter random(kSeed);
  json::Parser parser(1 << 20);
  json::Parser oracle(1 << 20);
  std::size_t passed = 0;
  constexpr std::size_t kFilters = 3000;
  constexpr std::size_t kEvents = 10;
  for (std::size_t i = 0; i < kFilters; ++i) {
    const std::string text = random.filter();
    const auto read = Filter::parse(parser, text);
    ASSERT_TRUE(read.ok()) << text << ": " << read.error().detail;
    const auto again = Filter::parse(parser, read.value()->text());
    ASSERT_TRUE(again.ok()) << text;
    ASSERT_EQ(again.value()->text(), read.value()->text()) << text;
    const auto root = oracle.parse(text);
    for (std::size_t j = 0; j < kEvents; ++j) {
      const model::Tags tags = random.tags();
      const std::string event = random.event();
      const bool expected = Oracle::passes(root.value(), event, tags);
      passed += expected ? 1 : 0;
      ASSERT_EQ(read.value()->passes(event, tags), expected) << text;
      ASSERT_EQ(again.value()->passes(event, tags), expected) << text;
    }
  }
  EXPECT_GT(passed, kFilters * kEvents / 10) << "too few events pass to show anything";
}

}  // namespace
}  // namespace mr::filter
