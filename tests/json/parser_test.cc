#include "json/parser.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/random.h"
#include "json/writer.h"

namespace mr::json {
namespace {

constexpr std::size_t kBytesMax = 1 << 20;

class ParserTest : public testing::Test {
 protected:
  Value read(std::string_view text) {
    auto result = parser_.parse(text);
    EXPECT_TRUE(result.ok()) << text;
    return result.value();
  }
  Errc fail(std::string_view text) {
    const auto result = parser_.parse(text);
    EXPECT_FALSE(result.ok()) << text;
    return result.ok() ? Errc::kTooLarge : result.error().code;
  }
  Parser parser_{kBytesMax};
};

TEST_F(ParserTest, ReadsEveryType) {
  const Value root = read(R"( {"s":"a\nb","t":true,"n":null,"i":-3,"u":18446744073709551615,
      "d":1.5,"a":[1,2],"o":{"x":1}} )");
  ASSERT_TRUE(root.is_object());
  EXPECT_EQ(root.member("s")->as_string(), "a\nb");
  EXPECT_EQ(root.member("t")->as_bool(), true);
  EXPECT_TRUE(root.member("n")->is_null());
  EXPECT_EQ(root.member("i")->as_int(), -3);
  EXPECT_EQ(root.member("i")->as_uint(), std::nullopt);
  EXPECT_EQ(root.member("u")->as_uint(), 18446744073709551615ULL);
  EXPECT_EQ(root.member("u")->as_int(), std::nullopt);
  EXPECT_EQ(root.member("d")->as_double(), 1.5);
  EXPECT_EQ(root.member("d")->as_int(), std::nullopt);
  EXPECT_TRUE(root.member("a")->is_array());
  EXPECT_EQ(root.member("missing").has_value(), false);
  EXPECT_EQ(root.member("s")->member("x").has_value(), false);
  EXPECT_EQ(root.member("s")->as_double(), std::nullopt);
}

TEST_F(ParserTest, RawGivesTheExactBytes) {
  const Value root = read(
      "\n{ \"a\" : { \"x\" : [ 1.0e2 , \"]}\\\"\" ] } ,\"b\":0.10 , \"c\":"
      "\"\\u0041\\\\\" }\n");
  EXPECT_EQ(root.member("a")->raw(), "{ \"x\" : [ 1.0e2 , \"]}\\\"\" ] }");
  EXPECT_EQ(root.member("a")->member("x")->raw(), "[ 1.0e2 , \"]}\\\"\" ]");
  EXPECT_EQ(root.member("b")->raw(), "0.10");
  EXPECT_EQ(root.member("c")->raw(), "\"\\u0041\\\\\"");
  EXPECT_EQ(root.member("c")->as_string(), "A\\");
  EXPECT_EQ(root.raw().front(), '{');
  EXPECT_EQ(root.raw().back(), '}');
}

TEST_F(ParserTest, ChildrenComeInOrder) {
  std::vector<std::string> seen;
  read(R"({"b":1,"a":[],"":{"q":2},"b":3})").for_each_member([&](std::string_view name, Value v) {
    seen.push_back(std::string(name) + "=" + std::string(v.raw()));
  });
  EXPECT_EQ(seen, (std::vector<std::string>{"b=1", "a=[]", "={\"q\":2}", "b=3"}));
  seen.clear();
  read(R"( [ 1 , "x" ,[ ],{ } , null ] )").for_each_element([&](Value v) {
    seen.emplace_back(v.raw());
  });
  EXPECT_EQ(seen, (std::vector<std::string>{"1", "\"x\"", "[ ]", "{ }", "null"}));
  EXPECT_FALSE(read("[]").children().next());
  EXPECT_FALSE(read("{ }").children().next());
  EXPECT_FALSE(read("7").children().next());
}

TEST_F(ParserTest, FirstOfTwoMembersWins) {
  EXPECT_EQ(read(R"({"a":1,"\u0061":2})").member("a")->as_int(), 1);
}

TEST_F(ParserTest, NumbersOfAnySizeStayText) {
  const std::string big = "123456789012345678901234567890";
  const Value root = read("{\"n\":" + big + ",\"e\":-1.5E+999,\"s\":\"" + big + "\",\"k\":8}");
  EXPECT_EQ(root.member("n")->raw(), big);
  EXPECT_EQ(root.member("n")->as_uint(), std::nullopt);
  EXPECT_EQ(root.member("e")->raw(), "-1.5E+999");
  EXPECT_EQ(root.member("e")->as_double(), std::nullopt);
  EXPECT_EQ(root.member("s")->as_string(), big);
  EXPECT_EQ(root.member("k")->as_int(), 8);
  EXPECT_EQ(read("99999999999999999999").raw(), "99999999999999999999");
}

TEST_F(ParserTest, BrokenNumbersAreRefusedBesideLargeOnes) {
  for (const char* text : {"[1e999,01]", "[1e999,1.]", "[1e999,-]", "[1e999,1e]", "[1e999,+1]",
                           "[1e999,00000000000000000001]", "[1e999,.5]", "[1e999 1]"}) {
    EXPECT_EQ(fail(text), Errc::kSyntax) << text;
  }
}

TEST_F(ParserTest, RefusesWhatIsNoJson) {
  for (const char* text :
       {"",       " ",   "{",   "}",       "[1,]",       "{\"a\"}", "{\"a\":}",
        "{a:1}",  "'x'", "nul", "[1]]",    "\"a",        "\"\\x\"", "\"\\ud800\"",
        "\"\n\"", "01",  "NaN", "// c\n1", "{\"a\":1,}", "1 2"}) {
    EXPECT_EQ(fail(text), Errc::kSyntax) << text;
  }
  EXPECT_EQ(fail(std::string_view("1\0", 2)), Errc::kSyntax);
  EXPECT_EQ(fail("\"\xff\""), Errc::kUtf8);
  EXPECT_EQ(fail("\"\xed\xa0\x80\""), Errc::kUtf8);
}

TEST_F(ParserTest, DepthIsCapped) {
  const auto nested = [](std::size_t n) { return std::string(n, '[') + std::string(n, ']'); };
  EXPECT_TRUE(parser_.parse(nested(Parser::kDepthMax - 1)).ok());
  EXPECT_EQ(fail(nested(Parser::kDepthMax + 1)), Errc::kTooDeep);
  EXPECT_EQ(fail(nested(250'000)), Errc::kTooDeep);
  EXPECT_EQ(fail(std::string(500'000, '[')), Errc::kSyntax);
}

TEST_F(ParserTest, SizeIsCappedAndNamed) {
  const auto result = parser_.parse(std::string(kBytesMax + 1, ' '));
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, Errc::kTooLarge);
  EXPECT_NE(result.error().detail.find("1048577"), std::string::npos);
}

TEST_F(ParserTest, LargeAndSmallTextsTakeTurns) {
  for (int i = 0; i < 3; ++i) {
    const std::string large = quote(std::string(900'000, 'x'));
    EXPECT_EQ(read(large).as_string()->size(), 900'000U);
    EXPECT_EQ(read("[1]").raw(), "[1]");
    EXPECT_EQ(fail(std::string(100, '[') + std::string(100, ']')), Errc::kTooDeep);
  }
}

// A random tree is written with random white space; every value's raw() must read back the same.
class Tree {
 public:
  explicit Tree(base::Random& random) : random_(random) {}
  std::string any(int depth) {
    switch (random_.below(depth > 0 ? 6 : 4)) {
      case 0:
        return std::to_string(random_.next());
      case 1:
        return quote(text());
      case 2:
        return random_.below(2) == 0 ? "true" : "null";
      case 3:
        return "-0.5e-7";
      case 4:
        return list('[', ']', depth, false);
      default:
        return list('{', '}', depth, true);
    }
  }

 private:
  std::string space() { return std::string(random_.below(3), " \n\t"[random_.below(3)]); }
  std::string text() {
    std::string out;
    for (std::uint64_t n = random_.below(12); n > 0; --n) out += "\\\"{}[],: a"[random_.below(10)];
    return out;
  }
  std::string list(char open, char close, int depth, bool named) {
    std::string out(1, open);
    const std::uint64_t count = random_.below(4);
    for (std::uint64_t i = 0; i < count; ++i) {
      out += (i == 0 ? "" : ",") + space();
      if (named) out += quote(text()) + space() + ":" + space();
      out += any(depth - 1) + space();
    }
    return out + close;
  }
  base::Random& random_;
};

void check_children(Parser& other, const Value& value, const std::string& note) {
  for (Cursor cursor = value.children(); cursor.next();) {
    ASSERT_TRUE(other.parse(cursor.value().raw()).ok()) << note << cursor.value().raw();
    check_children(other, cursor.value(), note);
  }
}

TEST_F(ParserTest, EverySliceOfRandomTreesIsJson) {
  const std::uint64_t seed = base::SystemRandom().next();
  base::SeededRandom random(seed);
  Parser other(kBytesMax);
  for (int i = 0; i < 300; ++i) {
    const std::string text = Tree(random).any(5);
    const Value root = read(text);
    EXPECT_EQ(root.raw(), text) << "seed " << seed;
    check_children(other, root, "seed " + std::to_string(seed) + ": ");
  }
}

}  // namespace
}  // namespace mr::json
