#include "delta/encoder.h"

#include <gtest/gtest.h>

#include <string>

#include "base/random.h"
#include "delta/texts.h"

namespace mr::delta {
namespace {

constexpr Algorithm kAlgorithms[] = {Algorithm::kFossil, Algorithm::kVcdiff};
constexpr std::size_t kNoLimit = 1 << 20;

class EncoderTest : public testing::TestWithParam<Algorithm> {
 protected:
  // The delta; checks that it gives the target.
  std::string delta(std::string_view base, std::string_view target) {
    std::string out;
    EXPECT_TRUE(encoder_.encode(GetParam(), base, target, kNoLimit, out));
    const auto read = decode(GetParam(), base, out, target.size());
    EXPECT_TRUE(read.ok()) << read.error().detail;
    EXPECT_TRUE(!read.ok() || read.value() == target) << base << "\n" << target;
    return out;
  }
  Encoder encoder_;
};

std::string level(int price, int size) {
  return "[\\\"0." + std::to_string(price) + "0000\\\",\\\"" + std::to_string(size) +
         ".00000000\\\"],";
}

std::string book(int first_price, int levels) {
  std::string text = R"({"event":"book","channel":"books","data":"{\"bids\":[)";
  for (int i = 0; i < levels; ++i) text += level(first_price + i, 600 + 37 * i % 911);
  return text + R"(]}"})";
}

TEST_P(EncoderTest, SmallTextsRoundTrip) {
  for (const std::string_view base : {"", "a", "abcdefg", "abcdefgh", "abcdefghi"}) {
    for (const std::string_view target : {"", "a", "b", "abcdefg", "abcdefgh", "xabcdefghi"}) {
      delta(base, target);
    }
  }
}

TEST_P(EncoderTest, EqualTextsAreOneCopy) {
  const std::string text = book(3521, 20);
  EXPECT_LT(delta(text, text).size(), 24U);
}

TEST_P(EncoderTest, AChangedDigitCostsOneLiteral) {
  const std::string base = book(3521, 20);
  std::string target = base;
  target[400] = '!';
  EXPECT_LT(delta(base, target).size(), 34U);
}

TEST_P(EncoderTest, ALevelThatCameOrWentIsFound) {
  const std::string less = book(3521, 20);
  std::string more = less;
  more.insert(less.find("[\\\"0.3530"), level(3529, 4242));
  EXPECT_LT(delta(less, more).size(), 75U);
  EXPECT_LT(delta(more, less).size(), 45U);
}

TEST_P(EncoderTest, TextsMayChangePlaces) {
  base::SeededRandom random(17);
  const std::string left = test::random_text(random, 600);
  const std::string right = test::random_text(random, 600);
  EXPECT_LT(delta(left + right, right + left).size(), 60U);
}

TEST_P(EncoderTest, RandomPairsRoundTrip) {
  constexpr std::uint64_t kSeed = 20260;
  SCOPED_TRACE(testing::Message() << "seed " << kSeed);
  base::SeededRandom random(kSeed);
  for (int round = 0; round < 4000; ++round) {
    const std::string base = test::random_text(random, 1200);
    const bool is_related = random.below(8) != 0;
    const std::string target =
        is_related ? test::changed_text(random, base) : test::random_text(random, 600);
    delta(base, target);
    if (HasFailure()) FAIL() << "round " << round;
  }
}

TEST_P(EncoderTest, RepetitiveTextsRoundTrip) {
  constexpr std::uint64_t kSeed = 555;
  SCOPED_TRACE(testing::Message() << "seed " << kSeed);
  base::SeededRandom random(kSeed);
  for (int round = 0; round < 2000; ++round) {
    std::string base(random.below(300), 'a');
    std::string target(random.below(300), 'a');
    for (std::string* text : {&base, &target}) {
      for (std::uint64_t i = random.below(6); i > 0 && !text->empty(); --i) {
        (*text)[random.below(text->size())] = 'b';
      }
    }
    delta(base, target);
    if (HasFailure()) FAIL() << "round " << round;
  }
}

// A megabyte that repeats must not take quadratic time: this test would not end.
TEST_P(EncoderTest, LongRepetitiveTextsTakeLinearTime) {
  std::string base;
  while (base.size() < (1 << 20)) base += "0.00000,0.00001,";
  std::string target = base;
  for (std::size_t at = 7; at < target.size(); at += 13) target[at] = '2';
  std::string out;
  ASSERT_TRUE(encoder_.encode(GetParam(), base, target, base.size() * 2, out));
  const auto read = decode(GetParam(), base, out, target.size());
  ASSERT_TRUE(read.ok());
  EXPECT_TRUE(read.value() == target);
}

TEST_P(EncoderTest, TheLimitIsExact) {
  const std::string base = book(3521, 20);
  const std::string target = book(3522, 21);
  const std::size_t size = delta(base, target).size();
  std::string out;
  EXPECT_TRUE(encoder_.encode(GetParam(), base, target, size, out));
  EXPECT_EQ(out.size(), size);
  EXPECT_FALSE(encoder_.encode(GetParam(), base, target, size - 1, out));
  EXPECT_FALSE(encoder_.encode(GetParam(), base, target, 0, out));
}

TEST_P(EncoderTest, UnrelatedTextsGiveUp) {
  std::string out;
  EXPECT_FALSE(
      encoder_.encode(GetParam(), std::string(2000, 'a'), std::string(2000, 'b'), 1900, out));
}

TEST_P(EncoderTest, TextsOverTheLimitGetNone) {
  const std::string_view huge("", 0);
  std::string out;
  EXPECT_FALSE(encoder_.encode(GetParam(), std::string_view(huge.data(), kTextBytesMax + 1), "a",
                               kNoLimit, out));
  EXPECT_FALSE(encoder_.encode(GetParam(), "a", std::string_view(huge.data(), kTextBytesMax + 1),
                               kNoLimit, out));
}

TEST_P(EncoderTest, TheDecoderIsTheOneOfTheAlgorithm) {
  const std::string text = delta("abcdefghijkl", "abcdefghijkl");
  for (const Algorithm other : kAlgorithms) {
    EXPECT_EQ(decode(other, "abcdefghijkl", text, 100).ok(), other == GetParam());
  }
}

INSTANTIATE_TEST_SUITE_P(Both, EncoderTest, testing::ValuesIn(kAlgorithms),
                         [](const auto& algorithm) {
                           return algorithm.param == Algorithm::kFossil ? "Fossil" : "Vcdiff";
                         });

}  // namespace
}  // namespace mr::delta
