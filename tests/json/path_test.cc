#include "json/path.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "json/path_oracle.h"
#include "json/writer.h"

namespace mr::json {
namespace {

// The text as it stands and put into a JSON string give the same.
std::optional<std::string> find(std::string_view json, std::string_view path) {
  std::string plain = "kept ";
  std::string quoted = "kept ";
  const bool is_there = append_text_at(json, path, plain);
  EXPECT_EQ(append_text_at(quote(json), path, quoted), is_there) << json;
  EXPECT_EQ(plain, quoted) << json;
  EXPECT_TRUE(plain.starts_with("kept "));
  EXPECT_TRUE(is_there || plain == "kept ") << json;
  return is_there ? std::optional(plain.substr(5)) : std::nullopt;
}

TEST(PathTest, StringsNumbersAndBooleans) {
  EXPECT_EQ(find(R"({"symbol":"AAPL"})", "symbol"), "AAPL");
  EXPECT_EQ(find(R"({"id":17})", "id"), "17");
  EXPECT_EQ(find(R"({"id":-1.50e3 })", "id"), "-1.50e3");
  EXPECT_EQ(find(R"({"live":true,"old":false})", "live"), "true");
  EXPECT_EQ(find(R"({"live":true,"old":false})", "old"), "false");
  EXPECT_EQ(find(R"({"symbol":""})", "symbol"), "");
}

TEST(PathTest, WhatHasNoTextIsNotThere) {
  for (const char* json : {R"({"a":null})", R"({"a":[1]})", R"({"a":{"b":1}})", R"({"b":1})", "{}",
                           "[]", "7", "null", "", "   ", R"({"a":{}})"}) {
    EXPECT_EQ(find(json, "a"), std::nullopt) << json;
  }
}

TEST(PathTest, DotsGoIntoObjects) {
  constexpr std::string_view kJson =
      R"( { "x" : [ {"a":"]}"} , "\"{" ] , "data" : { "list":{}, "symbol" : "BTC" } } )";
  EXPECT_EQ(find(kJson, "data.symbol"), "BTC");
  EXPECT_EQ(find(kJson, "data.list.symbol"), std::nullopt);
  EXPECT_EQ(find(kJson, "x.a"), std::nullopt) << "arrays have no names";
  EXPECT_EQ(find(kJson, "symbol"), std::nullopt);
}

TEST(PathTest, TheFirstOfTwoMembersCounts) {
  EXPECT_EQ(find(R"({"a":1,"a":2})", "a"), "1");
  EXPECT_EQ(find(R"({"a":1,"a":{"b":2}})", "a.b"), std::nullopt);
}

TEST(PathTest, EscapesInNamesAndValues) {
  EXPECT_EQ(find(R"({"\u0073ym\/bol":"a\"\\\/\b\f\n\r\t\u0041"})", "sym/bol"), "a\"\\/\b\f\n\r\tA");
  EXPECT_EQ(find(R"({"k":"\u00e9\u20ac\ud83d\ude00\u007f"})", "k"), "\u00e9\u20ac\U0001F600\x7f");
  EXPECT_EQ(find("{\"k\":\"a\\u0000b\"}", "k"), std::string("a\0b", 3));
  EXPECT_EQ(find(R"({"k\"":1,"k":2})", "k"), "2");
}

TEST(PathTest, AStringIsLookedIntoOnce) {
  std::string out;
  EXPECT_TRUE(append_text_at(R"( "{\"a\":\"b\\u0063\"}" )", "a", out));
  EXPECT_EQ(out, "bc");
  EXPECT_FALSE(append_text_at(quote(quote(R"({"a":1})")), "a", out));
}

TEST(PathTest, BrokenTextsEnd) {
  std::string out;
  for (const char* json : {"{", "{\"a", "{\"a\"", "{\"a\":", "{\"a\":\"", "{\"a\":\"\\", "{a:1}",
                           "{\"a\":\"\\u12", "{\"a\":\"\\ud800\"}", "{\"a\":\"\\ud800\\u0041\"}",
                           "{\"a\":\"\\udc00\"}", "{\"a\":\"\\x\"}", "{\"b\":[", "{\"b\":\"", "\"",
                           "\"{\\\"a\\\":", "{\"b\":1;\"a\":2}", "{\"a\" 1}"}) {
    EXPECT_FALSE(append_text_at(json, "a", out)) << json;
    EXPECT_EQ(out, "") << json;
  }
}

class RandomJson {
 public:
  explicit RandomJson(std::uint64_t seed) : random_(seed) {}

  std::string object(int depth) {
    std::string text = "{" + space();
    for (std::uint64_t i = 1 + pick(4); i > 0; --i) {
      text += (text.find(':') == std::string::npos ? "" : ",") + space() + word() + space() + ":" +
              space() + value(depth) + space();
    }
    return text + "}";
  }
  std::string path() {
    constexpr std::string_view kPaths[] = {"a", "b", "a.b", "b.a", "a.b.a", "\"", "", "a."};
    return std::string(kPaths[pick(std::size(kPaths))]);
  }

 private:
  std::uint64_t pick(std::uint64_t below) { return random_.below(below); }
  std::string space() { return std::string(pick(8) == 0 ? " \n" : ""); }
  std::string word() {
    constexpr std::string_view kWords[] = {R"("a")",  R"("b")",      R"("\u0061")",
                                           R"("\"")", R"("\\")",     R"("")",
                                           R"("{}")", R"("\u00e9")", R"("\ud83d\ude00")"};
    return std::string(kWords[pick(std::size(kWords))]);
  }
  std::string value(int depth) {
    constexpr std::string_view kScalars[] = {"1", "-2.50", "true", "false", "null", "1e9"};
    const auto kind = pick(4);
    if (kind == 0 && depth > 0) return object(depth - 1);
    if (kind == 1) return word();
    if (kind == 2 && depth > 0) return "[" + value(depth - 1) + "," + object(depth - 1) + "]";
    return std::string(kScalars[pick(std::size(kScalars))]);
  }

  base::SeededRandom random_;
};

TEST(PathTest, AgreesWithTheParserOnRandomTexts) {
  constexpr std::uint64_t kSeed = 20260811;
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  RandomJson random(kSeed);
  int found = 0;
  for (int i = 0; i < 4000; ++i) {
    const std::string text = random.object(3);
    const std::string path = random.path();
    bool is_json = false;
    const auto expected = text_at(text, path, is_json);
    ASSERT_TRUE(is_json) << text;
    ASSERT_EQ(find(text, path), expected) << text << " at " << path;
    found += expected ? 1 : 0;
  }
  EXPECT_GT(found, 200);
}

}  // namespace
}  // namespace mr::json
