#include "delta/vcdiff.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/random.h"

namespace mr::delta {
namespace {

using Bytes = std::vector<int>;

// The texts of RFC 3284, section 3.
constexpr std::string_view kBase = "abcdefghijklmnop";
constexpr std::string_view kTarget = "abcdwxyzefghefghefghefghzzzz";

std::string bytes(const Bytes& values) {
  std::string text;
  for (const int value : values) text += static_cast<char>(value);
  return text;
}

// A delta of one window with these sections.
std::string one_window(int indicator, int target_bytes, const std::string& literals,
                       const Bytes& instructions, const Bytes& addresses) {
  const auto size = [](const auto& section) { return static_cast<int>(section.size()); };
  std::string out = bytes({0xD6, 0xC3, 0xC4, 0, 0, indicator});
  if (indicator != 0) out += bytes({16, 0});
  out += bytes({5 + size(literals) + size(instructions) + size(addresses), target_bytes, 0,
                size(literals), size(instructions), size(addresses)});
  return out + literals + bytes(instructions) + bytes(addresses);
}

std::string rebuilt(std::string_view base, std::string_view delta) {
  const auto read = decode_vcdiff(base, delta, 1000);
  EXPECT_TRUE(read.ok()) << (read.ok() ? "" : read.error().detail);
  return read.ok() ? read.value() : "";
}

Errc refused(std::string_view delta, std::size_t target_bytes_max = 1000) {
  const auto read = decode_vcdiff(kBase, delta, target_bytes_max);
  EXPECT_FALSE(read.ok());
  if (read.ok()) return Errc::kChecksum;
  EXPECT_NE(read.error().detail.find("VCDIFF delta"), std::string::npos);
  EXPECT_NE(read.error().detail.find(": "), std::string::npos) << "no remedy";
  return read.error().code;
}

std::string written(std::string_view base, std::string_view target,
                    const std::vector<Copy>& copies) {
  VcdiffWriter writer;
  std::string out;
  writer.write(base.size(), target, copies, out);
  EXPECT_EQ(rebuilt(base, out), target);
  return out;
}

TEST(VcdiffTest, TheExampleOfTheDocument) {
  // COPY 4, 0; ADD 4 wxyz; COPY 4, 4; COPY 12, 24 (overlaps what it writes); RUN 4 z.
  const std::string delta = one_window(1, 28, "wxyzz", {20, 5, 20, 28, 0, 4}, {0, 4, 24});
  EXPECT_EQ(rebuilt(kBase, delta), kTarget);
}

TEST(VcdiffTest, DecodesWhatXdelta3Makes) {
  // xdelta3 -e -n -A -S none, release 3.0.11: no source, copies from its own target.
  const std::string delta = bytes({0xD6, 0xC3, 0xC4, 0, 0, 1, 4, 0, 0x17, 0x1C, 0, 0x0C, 4, 2}) +
                            "wxyzefghzzzz" + bytes({0x14, 9, 0x1C, 5, 0, 0x0C});
  EXPECT_EQ(rebuilt(kBase, delta), kTarget);
}

TEST(VcdiffTest, TheCodeTableIsTheOneOfTheDocument) {
  const auto is = [](int code, VcdiffInstruction first, VcdiffInstruction second) {
    const VcdiffCode& both = kVcdiffCodes[static_cast<std::size_t>(code)];
    const auto same = [](const VcdiffInstruction& a, const VcdiffInstruction& b) {
      return a.kind == b.kind && a.size == b.size && a.mode == b.mode;
    };
    return same(both.first, first) && same(both.second, second);
  };
  constexpr auto kAdd = VcdiffKind::kAdd;
  constexpr auto kCopy = VcdiffKind::kCopy;
  EXPECT_TRUE(is(0, {VcdiffKind::kRun, 0, 0}, {}));
  EXPECT_TRUE(is(1, {kAdd, 0, 0}, {}));
  EXPECT_TRUE(is(18, {kAdd, 17, 0}, {}));
  EXPECT_TRUE(is(19, {kCopy, 0, 0}, {}));
  EXPECT_TRUE(is(34, {kCopy, 18, 0}, {}));
  EXPECT_TRUE(is(35, {kCopy, 0, 1}, {}));
  EXPECT_TRUE(is(162, {kCopy, 18, 8}, {}));
  EXPECT_TRUE(is(163, {kAdd, 1, 0}, {kCopy, 4, 0}));
  EXPECT_TRUE(is(174, {kAdd, 4, 0}, {kCopy, 6, 0}));
  EXPECT_TRUE(is(234, {kAdd, 4, 0}, {kCopy, 6, 5}));
  EXPECT_TRUE(is(235, {kAdd, 1, 0}, {kCopy, 4, 6}));
  EXPECT_TRUE(is(246, {kAdd, 4, 0}, {kCopy, 4, 8}));
  EXPECT_TRUE(is(247, {kCopy, 4, 0}, {kAdd, 1, 0}));
  EXPECT_TRUE(is(255, {kCopy, 4, 8}, {kAdd, 1, 0}));
}

TEST(VcdiffTest, WritesOnePlainWindowOverTheWholeBase) {
  const std::string out = written(kBase, "abcdefgh!", {{0, 0, 8}});
  EXPECT_EQ(out, bytes({0xD6, 0xC3, 0xC4, 0, 0, 1, 16, 0, 9, 9, 0, 1, 2, 1, '!', 24, 2, 0}));
  EXPECT_EQ(written("", "!", {}), bytes({0xD6, 0xC3, 0xC4, 0, 0, 0, 7, 1, 0, 1, 1, 0, '!', 2}));
  EXPECT_EQ(written(kBase, "", {}), bytes({0xD6, 0xC3, 0xC4, 0, 0, 1, 16, 0, 5, 0, 0, 0, 0, 0}));
}

TEST(VcdiffTest, NeighboursShareACode) {
  const std::string base(2000, 'a');
  const auto codes = [&](const std::string& target, const std::vector<Copy>& copies) {
    const std::string out = written(base, target, copies);
    return out.substr(out.rfind('-') + 1);  // after the literals
  };
  // ADD 2 + COPY 5, mode self: 163 + 3 x (2 - 1) + 5 - 4.
  EXPECT_EQ(codes("--aaaaa", {{2, 5, 5}}), bytes({163 + 3 + 1, 5}));
  // COPY 4 + ADD 1, mode self.
  EXPECT_EQ(codes("aaaa-", {{0, 7, 4}}), bytes({247, 7}));
  // Of ADD, COPY 4, ADD only the first two.
  EXPECT_EQ(codes("-aaaa-", {{1, 7, 4}}), bytes({163, 2, 7}));
  // An ADD 5 and a COPY 7 have no common code.
  EXPECT_EQ(codes("-----aaaaaaa", {{5, 7, 7}}), bytes({6, 19 + 7 - 3, 7}));
  // 300 has left the near cache, the same cache knows it: ADD 1 + COPY 4, mode 7.
  const std::string target = std::string(25, 'a') + "-aaaa";
  EXPECT_EQ(codes(target,
                  {{0, 300, 5}, {5, 900, 5}, {10, 500, 5}, {15, 700, 5}, {20, 9, 5}, {26, 300, 4}}),
            bytes({21, 21 + 32, 21 + 32, 21 + 64, 21, 235 + 4, 0x82, 0x2C, 0x84, 0x58, 0x81, 0x48,
                   0x81, 0x48, 9, 300 - 256}));
}

TEST(VcdiffTest, AddressesTakeTheShortestWay) {
  VcdiffAddresses addresses;
  addresses.clear();
  const auto is = [&](std::uint32_t address, int mode, std::uint32_t value) {
    const auto got = addresses.write(address, 5000);
    EXPECT_EQ(got.mode, mode) << address;
    EXPECT_EQ(got.value, value) << address;
  };
  is(100, kVcdiffSelf, 100);
  is(1000, kVcdiffFirstNear, 900);
  is(4990, kVcdiffHere, 10);
  is(1050, kVcdiffFirstNear + 1, 50);
  is(3000, kVcdiffFirstNear + 3, 1950);
  is(4000, kVcdiffHere, 1000);
  is(100, kVcdiffSelf, 100);
  is(1000, kVcdiffFirstSame, 1000 - 768);
}

TEST(VcdiffTest, AddressesReadBackWhatWasWritten) {
  constexpr std::uint64_t kSeed = 3284;
  SCOPED_TRACE(testing::Message() << "seed " << kSeed);
  base::SeededRandom random(kSeed);
  VcdiffAddresses writing;
  VcdiffAddresses reading;
  writing.clear();
  reading.clear();
  std::array<int, kVcdiffModes> used{};
  std::uint32_t here = 4000;
  std::vector<std::uint32_t> earlier = {0};
  for (int round = 0; round < 20'000; ++round) {
    here += static_cast<std::uint32_t>(random.below(3));
    auto address = static_cast<std::uint32_t>(random.below(here));
    if (random.below(2) == 0) address = earlier[random.below(earlier.size())];
    if (random.below(4) == 0) address = here - 1 - static_cast<std::uint32_t>(random.below(50));
    earlier.push_back(address);
    const auto written = writing.write(address, here);
    ++used[written.mode];
    ASSERT_EQ(reading.read(written.mode, written.value, here), address);
  }
  for (const int count : used) EXPECT_GT(count, 0);
}

TEST(VcdiffTest, WindowsMayComeFromTheTarget) {
  std::string delta = one_window(0, 16, std::string(kBase), {1, 16}, {});
  delta += one_window(2, 4, "", {20}, {3}).substr(5);
  EXPECT_EQ(rebuilt("", delta), std::string(kBase) + "defg");
  EXPECT_EQ(refused(delta, 19), Errc::kTooLarge);
}

TEST(VcdiffTest, EveryShorteningIsRefused) {
  const std::string delta = one_window(1, 28, "wxyzz", {20, 5, 20, 28, 0, 4}, {0, 4, 24});
  for (std::size_t size = 0; size < delta.size(); ++size) {
    if (size == 5) continue;  // no window: an empty target
    const Errc code = refused(std::string_view(delta).substr(0, size));
    EXPECT_EQ(code, size < 4 ? Errc::kSyntax : Errc::kTruncated) << size;
  }
  EXPECT_EQ(rebuilt(kBase, std::string_view(delta).substr(0, 5)), "");
}

TEST(VcdiffTest, EveryErrorHasItsName) {
  const auto head = [](const Bytes& rest) { return bytes({0xD6, 0xC3, 0xC4, 0}) + bytes(rest); };
  EXPECT_EQ(refused("4\n4@0,0;"), Errc::kSyntax);
  EXPECT_EQ(refused(bytes({0xD6, 0xC3, 0xC4, 'S', 0})), Errc::kSyntax);
  for (const int indicator : {1, 2, 4}) EXPECT_EQ(refused(head({indicator})), Errc::kUnsupported);
  for (const int indicator : {3, 4, 5, 8}) {
    EXPECT_EQ(refused(head({0, indicator})), Errc::kUnsupported);
  }
  EXPECT_EQ(refused(head({0, 0, 5, 0, 1, 0, 0, 0})), Errc::kUnsupported);
  EXPECT_EQ(refused(head({0, 1, 17, 0})), Errc::kOutOfBounds);
  EXPECT_EQ(refused(head({0, 1, 1, 16})), Errc::kOutOfBounds);
  EXPECT_EQ(refused(head({0, 1, 0x90, 0x80, 0x80, 0x80, 0x80, 0})), Errc::kTruncated);
  EXPECT_EQ(refused(head({0, 0, 6, 0, 0, 0, 0, 0, 0})), Errc::kTrailing);
  EXPECT_EQ(refused(head({0, 0, 5, 0, 0, 1, 0, 0})), Errc::kTruncated);
  EXPECT_EQ(refused(head({0, 0, 5, 0x8F, 0xFF, 0xFF, 0xFF, 0x7F})), Errc::kTruncated);
  EXPECT_EQ(refused(head({0, 0, 9, 0x8F, 0xFF, 0xFF, 0xFF, 0x7F, 0, 0, 0, 0})), Errc::kTooLarge);
  EXPECT_EQ(refused(one_window(1, 4, "", {20}, {0}), 3), Errc::kTooLarge);
  EXPECT_EQ(refused(one_window(1, 4, "", {20}, {16})), Errc::kOutOfBounds);
  EXPECT_EQ(refused(one_window(1, 4, "", {36}, {0})), Errc::kOutOfBounds) << "here - 0";
  EXPECT_EQ(refused(one_window(1, 4, "", {36}, {17})), Errc::kOutOfBounds) << "here - 17";
  EXPECT_EQ(refused(one_window(1, 3, "", {20}, {0})), Errc::kSize);
  EXPECT_EQ(refused(one_window(1, 5, "", {20}, {0})), Errc::kSize);
  EXPECT_EQ(refused(one_window(1, 3, "", {0, 4}, {})), Errc::kSize);
  EXPECT_EQ(refused(one_window(1, 4, "", {20}, {})), Errc::kTruncated);
  EXPECT_EQ(refused(one_window(1, 4, "", {20 + 6 * 16}, {})), Errc::kTruncated);
  EXPECT_EQ(refused(one_window(1, 4, "abc", {5}, {})), Errc::kTruncated);
  EXPECT_EQ(refused(one_window(1, 4, "", {0, 4}, {})), Errc::kTruncated);
  EXPECT_EQ(refused(one_window(1, 4, "", {19}, {})), Errc::kTruncated);
  EXPECT_EQ(refused(one_window(1, 1, "ab", {2}, {})), Errc::kTrailing);
  EXPECT_EQ(refused(one_window(1, 1, "a", {2}, {0})), Errc::kTrailing);
}

}  // namespace
}  // namespace mr::delta
