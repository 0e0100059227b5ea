#include "filter/filter.h"

#include <gtest/gtest.h>

namespace mr::filter {
namespace {

class FilterTest : public testing::Test {
 protected:
  FilterRef parse(std::string_view text) {
    auto read = Filter::parse(parser_, text);
    EXPECT_TRUE(read.ok()) << text << (read.ok() ? "" : ": " + read.error().detail);
    return read.ok() ? std::move(read).value() : nullptr;
  }
  bool passes(std::string_view text, std::vector<model::Tag> tags,
              std::string_view event = "price") {
    const FilterRef filter = parse(text);
    return filter && filter->passes(event, model::make_tags(std::move(tags)));
  }
  std::string text_of(std::string_view text) {
    const FilterRef filter = parse(text);
    return filter ? filter->text() : "";
  }
  base::Error<Errc> fail(std::string_view text) {
    auto read = Filter::parse(parser_, text);
    EXPECT_FALSE(read.ok()) << text;
    return read.ok() ? base::Error<Errc>{} : read.error();
  }
  json::Parser parser_{64 * 1024};
};

TEST_F(FilterTest, EqualAndNotEqual) {
  constexpr std::string_view kEq = R"({"key":"symbol","cmp":"eq","val":"AAPL"})";
  EXPECT_TRUE(passes(kEq, {{"symbol", "AAPL"}}));
  EXPECT_FALSE(passes(kEq, {{"symbol", "AAP"}}));
  EXPECT_FALSE(passes(kEq, {{"other", "AAPL"}}));
  constexpr std::string_view kNeq = R"({"key":"symbol","cmp":"neq","val":"AAPL"})";
  EXPECT_FALSE(passes(kNeq, {{"symbol", "AAPL"}}));
  EXPECT_TRUE(passes(kNeq, {{"symbol", "MSFT"}}));
  EXPECT_TRUE(passes(kNeq, {{"other", "AAPL"}})) << "a missing tag is not equal";
}

TEST_F(FilterTest, InAndNotIn) {
  constexpr std::string_view kIn = R"({"key":"s","cmp":"in","vals":["b","a",1.50,true]})";
  EXPECT_TRUE(passes(kIn, {{"s", "a"}}));
  EXPECT_TRUE(passes(kIn, {{"s", "b"}}));
  EXPECT_TRUE(passes(kIn, {{"s", "1.50"}})) << "of a number its text";
  EXPECT_TRUE(passes(kIn, {{"s", "true"}}));
  EXPECT_FALSE(passes(kIn, {{"s", "1.5"}}));
  EXPECT_FALSE(passes(kIn, {{"t", "a"}}));
  constexpr std::string_view kNin = R"({"key":"s","cmp":"nin","vals":["a","b"]})";
  EXPECT_FALSE(passes(kNin, {{"s", "a"}}));
  EXPECT_TRUE(passes(kNin, {{"s", "c"}}));
  EXPECT_TRUE(passes(kNin, {{"t", "a"}}));
}

TEST_F(FilterTest, ExistsAndNot) {
  EXPECT_TRUE(passes(R"({"key":"s","cmp":"ex"})", {{"s", ""}}));
  EXPECT_FALSE(passes(R"({"key":"s","cmp":"ex"})", {{"t", ""}}));
  EXPECT_FALSE(passes(R"({"key":"s","cmp":"nex","val":"ignored"})", {{"s", ""}}));
  EXPECT_TRUE(passes(R"({"key":"s","cmp":"nex"})", {{"t", ""}}));
}

TEST_F(FilterTest, StartsEndsContains) {
  EXPECT_TRUE(passes(R"({"key":"s","cmp":"sw","val":"AA"})", {{"s", "AAPL"}}));
  EXPECT_FALSE(passes(R"({"key":"s","cmp":"sw","val":"AAPLE"})", {{"s", "AAPL"}}));
  EXPECT_TRUE(passes(R"({"key":"s","cmp":"ew","val":"PL"})", {{"s", "AAPL"}}));
  EXPECT_FALSE(passes(R"({"key":"s","cmp":"ew","val":"XAAPL"})", {{"s", "AAPL"}}));
  EXPECT_TRUE(passes(R"({"key":"s","cmp":"ct","val":"AP"})", {{"s", "AAPL"}}));
  EXPECT_TRUE(passes(R"({"key":"s","cmp":"ct","val":""})", {{"s", ""}}));
  EXPECT_FALSE(passes(R"({"key":"s","cmp":"ct","val":"PA"})", {{"s", "AAPL"}}));
  EXPECT_FALSE(passes(R"({"key":"s","cmp":"ct","val":""})", {{"t", ""}}));
}

TEST_F(FilterTest, ComparesNumbers) {
  constexpr std::string_view kGt = R"({"key":"p","cmp":"gt","val":100})";
  EXPECT_TRUE(passes(kGt, {{"p", "100.5"}}));
  EXPECT_TRUE(passes(kGt, {{"p", "1e3"}}));
  EXPECT_TRUE(passes(kGt, {{"p", "+101"}}));
  EXPECT_FALSE(passes(kGt, {{"p", "100.0"}}));
  EXPECT_FALSE(passes(kGt, {{"p", "99"}})) << "not as texts";
  EXPECT_TRUE(passes(R"({"key":"p","cmp":"gte","val":"1e2"})", {{"p", "100"}}));
  EXPECT_TRUE(passes(R"({"key":"p","cmp":"lt","val":-1})", {{"p", "-1.25"}}));
  EXPECT_FALSE(passes(R"({"key":"p","cmp":"lt","val":-1})", {{"p", "-1"}}));
  EXPECT_TRUE(passes(R"({"key":"p","cmp":"lte","val":-1})", {{"p", "-1.0"}}));
}

TEST_F(FilterTest, WhatIsNoNumberComparesFalse) {
  for (const std::string_view cmp : {"gt", "gte", "lt", "lte"}) {
    const std::string ten = R"({"key":"p","cmp":")" + std::string(cmp) + R"(","val":10})";
    for (const std::string_view value : {"", " 10", "10 ", "ten", "0x0a", "1,000", "+-9", "nan"}) {
      EXPECT_FALSE(passes(ten, {{"p", std::string(value)}})) << cmp << " " << value;
    }
    EXPECT_FALSE(passes(ten, {{"q", "10"}}));
    const std::string word = R"({"key":"p","cmp":")" + std::string(cmp) + R"(","val":"ten"})";
    EXPECT_FALSE(passes(word, {{"p", "10"}}));
  }
}

TEST_F(FilterTest, Branches) {
  constexpr std::string_view kAnd =
      R"({"op":"and","nodes":[{"key":"a","cmp":"ex"},{"key":"b","cmp":"gt","val":5}]})";
  EXPECT_TRUE(passes(kAnd, {{"a", ""}, {"b", "6"}}));
  EXPECT_FALSE(passes(kAnd, {{"a", ""}, {"b", "5"}}));
  EXPECT_FALSE(passes(kAnd, {{"b", "6"}}));
  constexpr std::string_view kOr =
      R"({"op":"or","nodes":[{"key":"a","cmp":"ex"},{"key":"b","cmp":"gt","val":5}]})";
  EXPECT_TRUE(passes(kOr, {{"a", ""}}));
  EXPECT_TRUE(passes(kOr, {{"b", "6"}}));
  EXPECT_FALSE(passes(kOr, {{"b", "5"}}));
  constexpr std::string_view kNot = R"({"op":"not","nodes":[{"key":"b","cmp":"gt","val":5}]})";
  EXPECT_TRUE(passes(kNot, {{"b", "5"}}));
  EXPECT_TRUE(passes(kNot, {{"a", "6"}})) << "gt is false without the tag";
  EXPECT_FALSE(passes(kNot, {{"b", "6"}}));
}

TEST_F(FilterTest, AnEventWithoutTagsPassesNoConditionOnTags) {
  EXPECT_FALSE(passes(R"({"key":"s","cmp":"neq","val":"a"})", {}));
  EXPECT_FALSE(passes(R"({"key":"s","cmp":"nex"})", {}));
  EXPECT_FALSE(passes(R"({"op":"not","nodes":[{"key":"s","cmp":"ex"}]})", {}));
  EXPECT_TRUE(passes(R"({"events":["price"]})", {})) << "without a condition on tags it does";
}

TEST_F(FilterTest, EventsAndTagsTogether) {
  constexpr std::string_view kBoth =
      R"({"events":["trade","price"],"tags":{"key":"s","cmp":"eq","val":"a"}})";
  EXPECT_TRUE(passes(kBoth, {{"s", "a"}}, "price"));
  EXPECT_TRUE(passes(kBoth, {{"s", "a"}}, "trade"));
  EXPECT_FALSE(passes(kBoth, {{"s", "a"}}, "prices"));
  EXPECT_FALSE(passes(kBoth, {{"s", "b"}}, "price"));
  EXPECT_TRUE(passes(R"({"tags":{"key":"s","cmp":"eq","val":"a"},"events":null})", {{"s", "a"}}));
}

TEST_F(FilterTest, EqualFiltersHaveOneText) {
  constexpr std::string_view kText =
      R"({"op":"and","nodes":[{"key":"a","cmp":"eq","val":"1"},{"key":"b","cmp":"in","vals":["x","y"]}]})";
  EXPECT_EQ(text_of(kText), kText);
  // Order, repetition, nesting, members nobody reads, one-value lists, double negation.
  EXPECT_EQ(text_of(R"({"nodes":[{"key":"b","vals":["y","x","y"],"cmp":"in"},)"
                    R"({"op":"and","nodes":[{"cmp":"in","vals":[1],"key":"a","note":7}]},)"
                    R"({"op":"not","nodes":[{"key":"a","cmp":"neq","val":"1"}]}],"op":"and"})"),
            kText);
  EXPECT_EQ(text_of(R"({"op":"or","nodes":[{"op":"not","nodes":[{"op":"not","nodes":[)"
                    R"({"key":"a","cmp":"sw","val":"\u0041"}]}]}]})"),
            R"({"key":"a","cmp":"sw","val":"A"})");
  EXPECT_EQ(text_of(R"({"op":"not","nodes":[{"key":"a","cmp":"gt","val":1}]})"),
            R"({"op":"not","nodes":[{"key":"a","cmp":"gt","val":"1"}]})");
  EXPECT_EQ(text_of(R"({"events":["b","a","b"],"tags":{"key":"a","cmp":"nin","vals":["1"]}})"),
            R"({"events":["a","b"],"tags":{"key":"a","cmp":"neq","val":"1"}})");
  EXPECT_EQ(text_of(R"({"tags":{"key":"a","cmp":"nex"}})"), R"({"key":"a","cmp":"nex"})");
}

TEST_F(FilterTest, ANegatedBranchIsNotLifted) {
  EXPECT_EQ(text_of(R"({"op":"and","nodes":[{"key":"a","cmp":"ex"},{"op":"not","nodes":[)"
                    R"({"op":"and","nodes":[{"key":"b","cmp":"ex"},{"key":"c","cmp":"ex"}]}]}]})"),
            R"({"op":"and","nodes":[{"key":"a","cmp":"ex"},{"op":"not","nodes":[)"
            R"({"op":"and","nodes":[{"key":"b","cmp":"ex"},{"key":"c","cmp":"ex"}]}]}]})");
}

TEST_F(FilterTest, RefusalsNamePlaceValueAndRemedy) {
  const auto detail = [this](std::string_view text) { return fail(text).detail; };
  EXPECT_EQ(fail("{").code, Errc::kNotJson);
  EXPECT_EQ(fail("[]").code, Errc::kShape);
  EXPECT_EQ(detail(R"({"key":"a","cmp":"like","val":"b"})"),
            R"(filter.cmp is "like"; use eq, neq, in, nin, ex, nex, sw, ew, ct, gt, gte, lt or )"
            R"(lte, or "op" with "nodes")");
  EXPECT_EQ(detail(R"({"op":"and","nodes":[{"key":"a","cmp":"ex"},{"op":"not","nodes":[)"
                   R"({"key":"a","cmp":"eq","val":{}}]}]})"),
            "filter.nodes[1].nodes[0].val is {}; use a text, a number or a boolean");
  EXPECT_EQ(detail(R"({"tags":{"key":"a","cmp":"in","vals":["x",null]}})"),
            "filter.tags.vals[1] is null; use a text, a number or a boolean");
  EXPECT_EQ(detail(R"({"op":"xor","nodes":[]})"),
            R"(filter.op is "xor"; use "and", "or" or "not")");
  EXPECT_EQ(detail(R"({"op":"or","nodes":[]})"),
            "filter.nodes is empty; give it at least one condition");
}

TEST_F(FilterTest, EveryWrongShapeIsRefused) {
  for (const std::string_view text :
       {R"({})",
        R"("a")",
        R"({"cmp":"ex"})",
        R"({"key":"","cmp":"ex"})",
        R"({"key":7,"cmp":"ex"})",
        R"({"key":"a"})",
        R"({"key":"a","cmp":7})",
        R"({"key":"a","cmp":"eq"})",
        R"({"key":"a","cmp":"eq","val":null})",
        R"({"key":"a","cmp":"eq","vals":["b"]})",
        R"({"key":"a","cmp":"in","val":"b"})",
        R"({"key":"a","cmp":"in","vals":[]})",
        R"({"key":"a","cmp":"in","vals":"b"})",
        R"({"op":"and"})",
        R"({"op":"and","nodes":{}})",
        R"({"op":"and","nodes":[7]})",
        R"({"op":7,"nodes":[]})",
        R"({"op":"and","cmp":"ex","key":"a","nodes":[]})",
        R"({"op":"not","nodes":[{"key":"a","cmp":"ex"},{"key":"b","cmp":"ex"}]})",
        R"({"events":"price"})",
        R"({"events":[]})",
        R"({"events":[7]})",
        R"({"events":[""]})",
        R"({"events":["a"],"op":"and","nodes":[]})",
        R"({"events":["a"],"tags":7})",
        R"({"tags":{"events":["a"]}})"}) {
    const auto error = fail(text);
    EXPECT_EQ(error.code, Errc::kShape) << text;
    EXPECT_TRUE(error.detail.starts_with("filter")) << error.detail;
    EXPECT_NE(error.detail.find("; "), std::string::npos) << error.detail;
  }
}

TEST_F(FilterTest, AnExpressionIsRefusedAsUnsupported) {
  const auto error = fail(R"({"events":["a"],"expression":"headers.x == 'y'"})");
  EXPECT_EQ(error.code, Errc::kUnsupported);
  EXPECT_EQ(error.detail,
            "filter.expression is not supported by this server; say the condition with \"events\" "
            "and \"tags\"");
  EXPECT_EQ(fail(R"({"expression":{"language":"jmespath","source":"a"}})").code,
            Errc::kUnsupported);
  EXPECT_TRUE(parse(R"({"expression":null,"events":["a"]})"));
}

TEST_F(FilterTest, EveryCodeHasAText) {
  for (const Errc code : {Errc::kNotJson, Errc::kShape, Errc::kLimit, Errc::kUnsupported}) {
    EXPECT_STRNE(describe(code), "");
  }
}

}  // namespace
}  // namespace mr::filter
