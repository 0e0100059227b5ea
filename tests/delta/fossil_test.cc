#include "delta/fossil.h"

#include <gtest/gtest.h>

#include <vector>

#include "delta/checksum.h"

namespace mr::delta {
namespace {

constexpr std::string_view kBase = "abcdefghijklmnopqrstuvwxyz0123456789";
constexpr std::string_view kTarget = "abcdefghijklmnopqrstuvwxyz--0123456789";
// Of npm fossil-delta 2.0.0 for these two texts.
constexpr std::string_view kDelta = "b\nQ@0,C:--01234567892Qe2Og;";

Errc refused(std::string_view delta, std::size_t target_bytes_max = 1000) {
  const auto read = decode_fossil(kBase, delta, target_bytes_max);
  EXPECT_FALSE(read.ok()) << delta;
  if (read.ok()) return Errc::kSyntax;
  EXPECT_NE(read.error().detail.find("Fossil delta"), std::string::npos);
  EXPECT_NE(read.error().detail.find(": "), std::string::npos) << "no remedy";
  return read.error().code;
}

TEST(FossilTest, WritesTheFormatOfTheDocument) {
  std::string out;
  write_fossil(kTarget, std::vector<Copy>{{0, 0, 26}}, out);
  EXPECT_EQ(out, kDelta);
  write_fossil(kTarget, std::vector<Copy>{{0, 0, 26}, {28, 26, 10}}, out);
  EXPECT_EQ(out, "b\nQ@0,2:--A@Q,2Qe2Og;");
  write_fossil("", {}, out);
  EXPECT_EQ(out, "0\n0;");
}

TEST(FossilTest, NumbersAreOfBase64WithFossilsDigits) {
  const std::string base(300'000, 'a');
  for (const auto& [number, digits] :
       std::vector<std::pair<std::uint32_t, std::string>>{{1, "1"},
                                                          {35, "Z"},
                                                          {36, "_"},
                                                          {37, "a"},
                                                          {63, "~"},
                                                          {64, "10"},
                                                          {4095, "~~"},
                                                          {4096, "100"},
                                                          {262143, "~~~"},
                                                          {262144, "1000"}}) {
    const std::string target(number, 'a');
    std::string out;
    write_fossil(target, std::vector<Copy>{{0, 0, number}}, out);
    EXPECT_TRUE(out.starts_with(digits + "\n" + digits + "@0,")) << out;
    const auto read = decode_fossil(base, out, number);
    ASSERT_TRUE(read.ok()) << read.error().detail;
    EXPECT_EQ(read.value(), target);
  }
}

TEST(FossilTest, DecodesWhatTheNpmPackageMakes) {
  const auto read = decode_fossil(kBase, kDelta, kTarget.size());
  ASSERT_TRUE(read.ok()) << read.error().detail;
  EXPECT_EQ(read.value(), kTarget);
  EXPECT_EQ(decode_fossil("", "0\n0:0;", 0).value(), "");
}

TEST(FossilTest, EveryShorteningIsRefused) {
  for (std::size_t bytes = 0; bytes < kDelta.size(); ++bytes) {
    const Errc code = refused(kDelta.substr(0, bytes));
    EXPECT_TRUE(code == Errc::kTruncated || code == Errc::kChecksum) << bytes;
  }
}

TEST(FossilTest, EveryErrorHasItsName) {
  EXPECT_EQ(refused(""), Errc::kTruncated);
  EXPECT_EQ(refused("b"), Errc::kTruncated);
  EXPECT_EQ(refused("b\n4@0"), Errc::kTruncated);
  EXPECT_EQ(refused("b\n4@"), Errc::kTruncated);
  EXPECT_EQ(refused("b\nC:--0"), Errc::kTruncated);
  EXPECT_EQ(refused("!"), Errc::kSyntax);
  EXPECT_EQ(refused("b:"), Errc::kSyntax);
  EXPECT_EQ(refused("b\n@0,"), Errc::kSyntax);
  EXPECT_EQ(refused("b\n4@,"), Errc::kSyntax);
  EXPECT_EQ(refused("b\n4@0;"), Errc::kSyntax);
  EXPECT_EQ(refused("b\n4?"), Errc::kSyntax);
  EXPECT_EQ(refused("4000000\n"), Errc::kSyntax) << "over 32 bits";
  EXPECT_EQ(refused("b\n4@4000000,"), Errc::kSyntax) << "over 32 bits";
  EXPECT_EQ(refused("3~~~~~\n"), Errc::kTooLarge);
  EXPECT_EQ(refused(kDelta, kTarget.size() - 1), Errc::kTooLarge);
  EXPECT_EQ(refused("b\nQ@B,"), Errc::kOutOfBounds);
  EXPECT_EQ(refused("b\n1@a,"), Errc::kOutOfBounds);
  EXPECT_EQ(refused("b\n0@b,"), Errc::kOutOfBounds);
  EXPECT_EQ(refused("4\n5@0,"), Errc::kSize);
  EXPECT_EQ(refused("4\n2@0,3:abc"), Errc::kSize);
  EXPECT_EQ(refused("4\n2@0,0;"), Errc::kSize);
  EXPECT_EQ(refused("4\n4@0,0;"), Errc::kChecksum);
  EXPECT_EQ(refused(std::string(kDelta) + "x"), Errc::kTrailing);
}

TEST(FossilTest, AnotherBaseIsFoundByTheSum) {
  std::string other(kBase);
  other[3] = '!';
  const auto read = decode_fossil(other, kDelta, 1000);
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.error().code, Errc::kChecksum);
}

}  // namespace
}  // namespace mr::delta
