#include <gtest/gtest.h>

#include <algorithm>

#include "base/random.h"
#include "support/ws_bytes.h"
#include "support/ws_oracle.h"
#include "support/ws_recording.h"

namespace mr::ws {
namespace {

using test::every_cut;
using test::parse_ws;
using test::raw_frame;
using test::RawFrame;
using test::WsParse;

constexpr std::size_t kLimit = 400;

// Mostly right frames in a plausible order; sometimes one with one thing wrong.
std::string random_stream(base::SeededRandom& random) {
  static constexpr std::string_view kTexts[] = {"", "a", "grüße", "\xE2\x82", "\xAC", "\xFF", "€"};
  std::string stream;
  bool in_message = false;
  const std::uint64_t frames = 1 + random.below(8);
  for (std::uint64_t i = 0; i < frames; ++i) {
    RawFrame f;
    if (random.below(3) == 0) {
      f.opcode = static_cast<std::uint8_t>(9 + random.below(2));
      f.payload = std::string(random.below(126), 'c');
    } else {
      f.opcode = in_message ? 0 : static_cast<std::uint8_t>(1 + random.below(2));
      f.fin = random.below(2) == 0;
      f.payload = std::string(kTexts[random.below(std::size(kTexts))]);
      if (random.below(4) == 0) f.payload += std::string(random.below(200), 'x');
      in_message = !f.fin;
    }
    if (random.below(12) == 0) f.rsv = static_cast<std::uint8_t>(random.below(8));
    if (random.below(12) == 0) f.opcode = static_cast<std::uint8_t>(random.below(16));
    if (random.below(12) == 0) f.masked = false;
    if (random.below(12) == 0) f.length_bytes = random.below(2) == 0 ? 2 : 8;
    if (f.opcode == 8 && f.payload.size() < 124) f.payload.insert(0, "\x03\xE8");
    stream += raw_frame(f);
  }
  if (random.below(4) == 0) stream.resize(random.below(stream.size()));
  return stream;
}

TEST(ReceiverCutTest, EverySingleCutGivesTheEventsOfTheOracle) {
  constexpr std::uint64_t kSeed = 31337;
  SCOPED_TRACE(testing::Message() << "seed " << kSeed);
  base::SeededRandom random(kSeed);
  std::size_t failures = 0;
  for (int round = 0; round < 600; ++round) {
    const std::string stream = random_stream(random);
    const WsParse whole = parse_ws(Role::kServer, kLimit, stream);
    failures += whole.state == ReceiverState::kFailed;
    ASSERT_TRUE(test::agrees(whole, test::WsOracle(Role::kServer, kLimit).read(stream)))
        << "round " << round;
    for (std::size_t cut = 1; cut < stream.size(); ++cut) {
      ASSERT_EQ(parse_ws(Role::kServer, kLimit, stream, {cut}), whole)
          << "round " << round << ", cut at " << cut;
    }
    ASSERT_EQ(parse_ws(Role::kServer, kLimit, stream, every_cut(stream.size())), whole)
        << "round " << round;
  }
  // Both kinds of stream are in the mix.
  EXPECT_GT(failures, 100U);
  EXPECT_LT(failures, 550U);
}

TEST(ReceiverCutTest, RandomCutsOfClientStreams) {
  constexpr std::uint64_t kSeed = 271828;
  SCOPED_TRACE(testing::Message() << "seed " << kSeed);
  base::SeededRandom random(kSeed);
  for (int round = 0; round < 300; ++round) {
    std::string stream;
    for (int i = 0; i < 5; ++i) {
      const std::string payload(random.below(kLimit), 'z');
      stream += raw_frame({.payload = payload, .fin = false, .masked = false});
      stream += raw_frame({.opcode = 9, .payload = "p", .masked = false});
      stream += raw_frame({.opcode = 0, .payload = "", .masked = false});
    }
    std::vector<std::size_t> cuts;
    for (int i = 0; i < 6; ++i) cuts.push_back(random.below(stream.size()));
    std::sort(cuts.begin(), cuts.end());
    std::size_t peak = 0;
    const WsParse whole = parse_ws(Role::kClient, kLimit, stream);
    EXPECT_EQ(whole.events.size(), 10U);
    ASSERT_EQ(parse_ws(Role::kClient, kLimit, stream, cuts, &peak), whole) << "round " << round;
    EXPECT_LE(peak, kLimit + 512);
  }
}

}  // namespace
}  // namespace mr::ws
