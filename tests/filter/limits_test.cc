#include <gtest/gtest.h>

#include <string>

#include "filter/filter.h"

namespace mr::filter {
namespace {

// Each limit: what is on it is taken, what is one past it is refused by name.
class LimitsTest : public testing::Test {
 protected:
  void take(const std::string& text) {
    const auto read = Filter::parse(parser_, text);
    EXPECT_TRUE(read.ok()) << (read.ok() ? "" : read.error().detail);
  }
  std::string refuse(const std::string& text) {
    const auto read = Filter::parse(parser_, text);
    EXPECT_FALSE(read.ok());
    if (read.ok()) return "";
    EXPECT_EQ(read.error().code, Errc::kLimit) << read.error().detail;
    EXPECT_NE(read.error().detail.find("; "), std::string::npos) << read.error().detail;
    return read.error().detail;
  }
  json::Parser parser_{1 << 20};
};

std::string repeat(std::size_t count, const std::string& item) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) out += (i == 0 ? "" : ",") + item;
  return out;
}

const std::string kLeaf = R"({"key":"a","cmp":"ex"})";

TEST_F(LimitsTest, Depth) {
  const auto nested = [](std::size_t depth) {
    std::string text = kLeaf;
    for (std::size_t i = 1; i < depth; ++i) text = R"({"op":"not","nodes":[)" + text + "]}";
    return text;
  };
  take(nested(kDepthMax));
  EXPECT_NE(refuse(nested(kDepthMax + 1)).find("more than 16 nodes deep"), std::string::npos);
}

TEST_F(LimitsTest, Nodes) {
  const auto wide = [](std::size_t leaves) {
    return R"({"op":"or","nodes":[)" + repeat(leaves, kLeaf) + "]}";
  };
  take(wide(kNodesMax - 1));
  EXPECT_EQ(refuse(wide(kNodesMax)),
            "filter.nodes[127] is one of more than 128 nodes; use \"in\" with \"vals\" for many "
            "values of one key");
}

TEST_F(LimitsTest, KeyBytes) {
  const auto keyed = [](std::size_t bytes) {
    return R"({"key":")" + std::string(bytes, 'k') + R"(","cmp":"ex"})";
  };
  take(keyed(kKeyBytesMax));
  EXPECT_EQ(refuse(keyed(kKeyBytesMax + 1)),
            "filter.key has 257 bytes, at most 256 are allowed; shorten it");
}

TEST_F(LimitsTest, ValueBytes) {
  const auto valued = [](std::size_t bytes) {
    return R"({"key":"a","cmp":"eq","val":")" + std::string(bytes, 'v') + R"("})";
  };
  take(valued(kValueBytesMax));
  EXPECT_EQ(refuse(valued(kValueBytesMax + 1)),
            "filter.val has 1025 bytes, at most 1024 are allowed; shorten it");
  EXPECT_EQ(refuse(R"({"key":"a","cmp":"in","vals":["b",")" + std::string(1025, 'v') + R"("]})"),
            "filter.vals[1] has 1025 bytes, at most 1024 are allowed; shorten it");
}

TEST_F(LimitsTest, ValuesOfOneNode) {
  const auto listed = [](std::size_t values) {
    return R"({"key":"a","cmp":"nin","vals":[)" + repeat(values, "\"v\"") + "]}";
  };
  take(listed(kValuesMax));
  EXPECT_EQ(refuse(listed(kValuesMax + 1)),
            "filter.vals has 129 values, at most 128 are allowed; combine several nodes with "
            "\"or\"");
}

TEST_F(LimitsTest, Events) {
  const auto named = [](std::size_t names, std::size_t bytes) {
    return R"({"events":[)" + repeat(names, "\"" + std::string(bytes, 'e') + "\"") + "]}";
  };
  take(named(kEventsMax, kEventBytesMax));
  EXPECT_EQ(refuse(named(kEventsMax + 1, 1)),
            "filter.events has 65 names, at most 64 are allowed; name fewer");
  EXPECT_EQ(refuse(named(1, kEventBytesMax + 1)),
            "filter.events has 201 bytes in one name, at most 200 are allowed; shorten it");
}

TEST_F(LimitsTest, LongValuesAreCutInErrorsBetweenCharacters) {
  std::string op = R"({"op":")";
  for (int i = 0; i < 100; ++i) op += "\u00e9";
  const auto read = Filter::parse(parser_, op + R"(","nodes":[]})");
  ASSERT_FALSE(read.ok());
  EXPECT_NE(read.error().detail.find("\u00e9...; use \"and\""), std::string::npos)
      << read.error().detail;
}

TEST(FilterLimitsTest, TheWholeTextIsBounded) {
  json::Parser parser(1 << 20);
  std::string values;
  for (int i = 0; i < 100; ++i) values += (i == 0 ? "\"" : ",\"") + std::string(200, 'v') + '"';
  const auto read = Filter::parse(parser, R"({"key":"k","cmp":"in","vals":[)" + values + "]}");
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Errc::kLimit);
  EXPECT_NE(read.error().detail.find("the limit is 16384"), std::string::npos);
}

}  // namespace
}  // namespace mr::filter
