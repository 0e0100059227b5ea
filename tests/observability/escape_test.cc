#include "observability/escape.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <random>

#include "base/cut_utf8.h"

namespace mr::observability {
namespace {

std::string escaped(std::string_view text) {
  std::string out;
  append_escaped(out, text);
  return out;
}

TEST(EscapeTest, PlainTextStays) {
  EXPECT_EQ(escaped("orders #7, 50 €, 日本, 😀"), "orders #7, 50 €, 日本, 😀");
}

TEST(EscapeTest, NothingLeavesAJsonString) {
  EXPECT_EQ(escaped("a\"b\\c\nd\re\tf"), R"(a\"b\\c\nd\re\tf)");
  EXPECT_EQ(escaped(std::string_view("\0\x01\x1f", 3)), R"(\u0000\u0001\u001f)");
}

TEST(EscapeTest, NothingSteersATerminal) {
  EXPECT_EQ(escaped("\x1b[31m\x7f"), R"(\u001b[31m\u007f)");
  EXPECT_EQ(escaped("\xc2\x9b"
                    "2J"),
            R"(\u009b2J)");                               // C1 CSI
  EXPECT_EQ(escaped("\u2028\u2029"), R"(\u2028\u2029)");  // separators
  EXPECT_EQ(escaped("\u202e"
                    "gpj\u2066"),
            R"(\u202egpj\u2066)");  // direction
}

TEST(EscapeTest, WrongUtf8BecomesReplacement) {
  EXPECT_EQ(escaped("\xff"), R"(\ufffd)");
  EXPECT_EQ(escaped("a\xc3"), R"(a\ufffd)");
  EXPECT_EQ(escaped("\xc0\xaf"), R"(\ufffd\ufffd)");            // overlong
  EXPECT_EQ(escaped("\xe0\x80\x80"), R"(\ufffd\ufffd\ufffd)");  // overlong
  EXPECT_EQ(escaped("\xed\xa0\x80"), R"(\ufffd\ufffd\ufffd)");  // surrogate
  EXPECT_EQ(escaped("\xf4\x90\x80\x80").size(), 4 * 6);         // above U+10FFFF
  EXPECT_EQ(to_valid_utf8("a\xff"
                          "b"),
            "a\xef\xbf\xbd"
            "b");
}

TEST(EscapeTest, CutsBetweenCharacters) {
  EXPECT_EQ(base::cut_utf8("abc", 3), "abc");
  EXPECT_EQ(base::cut_utf8("abcd", 3), "abc");
  EXPECT_EQ(base::cut_utf8("ab€", 4), "ab");
  EXPECT_EQ(base::cut_utf8("ab€c", 5), "ab€");
  EXPECT_EQ(base::cut_utf8("😀", 3), "");
}

TEST(EscapeTest, RandomBytesGiveAStringWithoutControlsAndQuotes) {
  const std::uint32_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int round = 0; round < 2000; ++round) {
    std::string text(random() % 40, '\0');
    for (char& c : text) c = static_cast<char>(random());
    const std::string out = escaped(text);
    for (std::size_t i = 0; i < out.size(); ++i) {
      EXPECT_GE(static_cast<std::uint8_t>(out[i]), 0x20);
      if (out[i] == '\\') {
        ++i;  // what follows is part of the escape
        ASSERT_LT(i, out.size());
      } else {
        EXPECT_NE(out[i], '"');
      }
    }
    EXPECT_EQ(to_valid_utf8(out), out);
  }
}

}  // namespace
}  // namespace mr::observability
