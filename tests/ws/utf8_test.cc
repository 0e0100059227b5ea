#include "ws/utf8.h"

#include <gtest/gtest.h>

#include <string>

#include "base/random.h"
#include "support/utf8_oracle.h"

namespace mr::ws {
namespace {

using test::begins_utf8;
using test::decodes_as_utf8;

// Valid text of all lengths of sequences, ASCII runs between them, and now and then a wrong byte.
std::string random_text(base::SeededRandom& random) {
  static constexpr std::string_view kParts[] = {"a",
                                                "plain ascii text longer than sixteen",
                                                "\xC2\x80",
                                                "\xDF\xBF",
                                                "\xE0\xA0\x80",
                                                "\xED\x9F\xBF",
                                                "\xEE\x80\x80",
                                                "\xEF\xBF\xBF",
                                                "\xF0\x90\x80\x80",
                                                "\xF4\x8F\xBF\xBF"};
  std::string text;
  const std::uint64_t parts = random.below(12);
  for (std::uint64_t i = 0; i < parts; ++i) text += kParts[random.below(std::size(kParts))];
  if (!text.empty() && random.below(2) == 0) {
    text[random.below(text.size())] = static_cast<char>(random.below(256));
  }
  if (!text.empty() && random.below(4) == 0) text.resize(random.below(text.size()));
  return text;
}

// How far the validator gets byte by byte; size() if it never fails.
std::size_t first_refused(std::string_view text) {
  Utf8Validator validator;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!validator.feed(text.substr(i, 1))) return i;
  }
  return text.size();
}

TEST(Utf8Test, AllShortStringsAgreeWithTheDecoder) {
  std::string text;
  for (unsigned a = 0; a < 256; ++a) {
    text.assign(1, static_cast<char>(a));
    ASSERT_EQ(is_valid_utf8(text), decodes_as_utf8(text)) << a;
    for (unsigned b = 0; b < 256; ++b) {
      text.assign({static_cast<char>(a), static_cast<char>(b)});
      ASSERT_EQ(is_valid_utf8(text), decodes_as_utf8(text)) << a << ' ' << b;
    }
  }
}

TEST(Utf8Test, AllLeadsWithCornerTailsAgreeWithTheDecoder) {
  constexpr unsigned char kTails[] = {0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xFF};
  for (unsigned a = 0x80; a < 256; ++a) {
    for (unsigned char b : kTails) {
      for (unsigned char c : kTails) {
        for (unsigned char d : kTails) {
          const std::string text = {static_cast<char>(a), static_cast<char>(b),
                                    static_cast<char>(c), static_cast<char>(d)};
          ASSERT_EQ(is_valid_utf8(text), decodes_as_utf8(text)) << testing::PrintToString(text);
          ASSERT_EQ(is_valid_utf8(text.substr(0, 3)), decodes_as_utf8(text.substr(0, 3)));
        }
      }
    }
  }
}

TEST(Utf8Test, RandomTextAgreesWithTheDecoderWholeAndInPieces) {
  constexpr std::uint64_t kSeed = 99120;
  SCOPED_TRACE(testing::Message() << "seed " << kSeed);
  base::SeededRandom random(kSeed);
  int valid = 0;
  for (int round = 0; round < 20'000; ++round) {
    const std::string text = random_text(random);
    const bool expected = decodes_as_utf8(text);
    valid += expected;
    ASSERT_EQ(is_valid_utf8(text), expected) << testing::PrintToString(text);
    Utf8Validator validator;
    bool ok = true;
    std::size_t at = 0;
    while (ok && at < text.size()) {
      const std::size_t size = 1 + random.below(text.size() - at);
      ok = validator.feed(std::string_view(text).substr(at, size));
      at += size;
    }
    ASSERT_EQ(ok && validator.is_complete(), expected) << testing::PrintToString(text);
  }
  EXPECT_GT(valid, 4'000);
  EXPECT_LT(valid, 16'000);
}

TEST(Utf8Test, FailsAtTheFirstByteThatCannotBeMadeGood) {
  constexpr std::uint64_t kSeed = 4711;
  SCOPED_TRACE(testing::Message() << "seed " << kSeed);
  base::SeededRandom random(kSeed);
  for (int round = 0; round < 3'000; ++round) {
    const std::string text = random_text(random);
    const std::size_t refused = first_refused(text);
    ASSERT_TRUE(begins_utf8(text.substr(0, refused))) << testing::PrintToString(text);
    if (refused < text.size()) {
      ASSERT_FALSE(begins_utf8(text.substr(0, refused + 1))) << testing::PrintToString(text);
    }
  }
}

TEST(Utf8Test, ResetForgetsACutSequence) {
  Utf8Validator validator;
  ASSERT_TRUE(validator.feed("\xE2\x82"));
  EXPECT_FALSE(validator.is_complete());
  validator.reset();
  EXPECT_TRUE(validator.is_complete());
  EXPECT_TRUE(validator.feed("a"));
}

}  // namespace
}  // namespace mr::ws
