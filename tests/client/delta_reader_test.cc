#include "client/delta_reader.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "crypto/encoding.h"
#include "delta/checksum.h"
#include "delta/encoder.h"

namespace mr::client {
namespace {

using Outcome = DeltaReader::Outcome;

std::string event_text(const std::string& value) {
  return R"({"event":"e","channel":"c","data":"the same in every message )" + value + R"("})";
}

std::string full(const std::string& value, int number, const std::string& key = {}) {
  std::string text = event_text(value);
  text.pop_back();
  text += ",\"__delta_seq\":" + std::to_string(number);
  if (!key.empty()) text += ",\"__conflation_key\":\"" + key + "\"";
  return text + "}";
}

struct Step {
  std::string from;
  std::string to;
  int base = 1;
  int number = 2;
  std::string members = R"(,"algorithm":"fossil")";
  delta::Algorithm algorithm = delta::Algorithm::kFossil;
};

std::string delta_frame(const Step& step) {
  delta::Encoder encoder;
  std::string bytes;
  EXPECT_TRUE(
      encoder.encode(step.algorithm, event_text(step.from), event_text(step.to), 1000, bytes));
  return R"({"event":"pusher:delta","channel":"c","data":{"event":"e","delta":")" +
         crypto::base64_encode(bytes) + R"(","seq":)" + std::to_string(step.number) +
         R"(,"base_index":)" + std::to_string(step.base) + step.members + "}}";
}

TEST(DeltaReaderTest, AMessageThatComesAgainPushesNoBaseOut) {
  DeltaReader reader;
  EXPECT_EQ(reader.take(full("a", 1)).outcome, Outcome::kMessage);
  const std::string delta = delta_frame({"a", "b"});
  for (int i = 0; i < 5; ++i) {
    const DeltaReader::Result again = reader.take(delta);
    ASSERT_EQ(again.outcome, Outcome::kMessage) << again.why;
    EXPECT_EQ(again.text, event_text("b"));
  }
  EXPECT_EQ(reader.held_bytes(), event_text("a").size() + event_text("b").size());
}

TEST(DeltaReaderTest, RebuildsMessagesOfEachKeyAndCountsWhatCame) {
  DeltaReader reader;
  EXPECT_EQ(reader.take(event_text("plain")).outcome, Outcome::kPlain);
  const auto first = reader.take(full("1", 1, "A"));
  EXPECT_EQ(first.outcome, Outcome::kMessage);
  EXPECT_EQ(first.text, event_text("1"));
  EXPECT_EQ(reader.take(full("2", 2, "B")).number, 2U);
  const auto rebuilt =
      reader.take(delta_frame({"1", "3", 1, 3, R"(,"algorithm":"fossil","conflation_key":"A")"}));
  EXPECT_EQ(rebuilt.outcome, Outcome::kMessage);
  EXPECT_EQ(rebuilt.text, event_text("3"));
  EXPECT_EQ(rebuilt.base, 1U);
  EXPECT_EQ(reader.counts().fulls, 2U);
  EXPECT_EQ(reader.counts().deltas, 1U);
  EXPECT_EQ(reader.counts().text_bytes, 3 * event_text("1").size());
}

TEST(DeltaReaderTest, VcdiffNeedsTheSumOfTheText) {
  for (const bool is_right : {true, false}) {
    DeltaReader reader;
    reader.take(full("1", 1));
    const std::uint32_t sum = delta::crc32(event_text("2")) + (is_right ? 0 : 1);
    const std::string members = R"(,"algorithm":"xdelta3","crc":)" + std::to_string(sum);
    const auto read =
        reader.take(delta_frame({"1", "2", 1, 2, members, delta::Algorithm::kVcdiff}));
    EXPECT_EQ(read.outcome, is_right ? Outcome::kMessage : Outcome::kLost);
  }
  DeltaReader reader;
  reader.take(full("1", 1));
  const Step without{"1", "2", 1, 2, R"(,"algorithm":"xdelta3")", delta::Algorithm::kVcdiff};
  EXPECT_EQ(reader.take(delta_frame(without)).why, "a delta whose sum is missing or wrong");
}

TEST(DeltaReaderTest, TheConfirmedAlgorithmIsTakenWhereFramesNameNone) {
  DeltaReader reader;
  reader.take(full("1", 1));
  EXPECT_EQ(reader.take(delta_frame({"1", "2", 1, 2, ""})).why,
            "a delta of an algorithm that nobody named");
  const std::string enabled =
      R"({"event":"pusher:delta_compression_enabled","data":{"enabled":true,"algorithm":"fossil"}})";
  DeltaReader told;
  EXPECT_EQ(told.take(enabled).outcome, Outcome::kConsumed);
  told.take(full("1", 1));
  EXPECT_EQ(told.take(delta_frame({"1", "2", 1, 2, ""})).text, event_text("2"));
}

TEST(DeltaReaderTest, WhatDoesNotFitIsLostWithItsReasonAndNeverAMessage) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {delta_frame({"1", "2", 7}), "the base of a delta is missing"},
      {delta_frame({"of which more follows", "2 of which more follows"}),
       "a delta that does not decode"},
      {R"({"event":"pusher:delta","channel":"c","data":{}})",
       "a delta with missing or wrong members"},
      {R"({"event":"pusher:delta","channel":"c","data":{"event":"e","delta":"?","seq":2,"base_index":1}})",
       "a delta with missing or wrong members"},
      {R"({"event":"pusher:delta")", "a frame of deltas that is not JSON, or has no data"},
  };
  for (const auto& [frame, why] : cases) {
    DeltaReader reader;
    reader.take(full("1", 1));
    const auto read = reader.take(frame);
    EXPECT_EQ(read.outcome, Outcome::kLost) << frame;
    EXPECT_EQ(read.why, why) << frame;
    EXPECT_EQ(reader.counts().lost, 1U);
  }
}

TEST(DeltaReaderTest, AStartForgetsTheChannelAndBringsOtherBases) {
  DeltaReader reader;
  reader.take(full("1", 1));
  std::string content;
  for (const char c : event_text("5"))
    content += c == '"' ? std::string("\\\"") : std::string(1, c);
  const std::string sync =
      R"({"event":"pusher:delta_cache_sync","channel":"c","data":{"states":{"":[{"content":")" +
      content + R"(","seq":5}]}}})";
  EXPECT_EQ(reader.take(sync).outcome, Outcome::kConsumed);
  EXPECT_EQ(reader.take(delta_frame({"5", "6", 5, 6})).text, event_text("6"));
}

TEST(DeltaReaderTest, DeltasOfAChannelThatWasLeftAreDroppedUntilItStartsAgain) {
  DeltaReader reader;
  reader.take(full("1", 1));
  reader.leave("c");
  EXPECT_EQ(reader.held_bytes(), 0U);
  EXPECT_EQ(reader.take(delta_frame({"1", "2"})).outcome, Outcome::kConsumed);
  EXPECT_EQ(reader.counts().lost, 0U);
  const char* start = R"({"event":"pusher:delta_cache_sync","channel":"c","data":{"states":{}}})";
  reader.take(start);
  reader.take(full("3", 3));
  EXPECT_EQ(reader.take(delta_frame({"3", "4", 3, 4})).text, event_text("4"));
}

TEST(DeltaReaderTest, AfterALossItAsksOnceAndWaitsForTheStart) {
  DeltaReader reader;
  const auto first = reader.take(delta_frame({"1", "2"}));
  EXPECT_TRUE(first.asks);
  const auto second = reader.take(delta_frame({"2", "3", 2, 3}));
  EXPECT_EQ(second.outcome, Outcome::kLost);
  EXPECT_FALSE(second.asks);
  EXPECT_EQ(reader.counts().lost, 2U);
}

TEST(DeltaReaderTest, HoldsNoMoreThanItsLimits) {
  DeltaReader::Limits limits;
  limits.texts_bytes_max = 3 * event_text("1").size();
  limits.per_key_max = 2;
  DeltaReader reader(limits);
  for (int i = 1; i <= 5; ++i) reader.take(full(std::to_string(i), i));
  EXPECT_EQ(reader.held_bytes(), 2 * event_text("1").size()) << "two of a key";
  for (int i = 6; i <= 9; ++i) reader.take(full(std::to_string(i), i, "k" + std::to_string(i)));
  EXPECT_EQ(reader.held_bytes(), 3 * event_text("1").size()) << "three altogether";
  limits.text_bytes_max = 10;
  DeltaReader small(limits);
  small.take(full("1", 1));
  EXPECT_EQ(small.held_bytes(), 0U);
}

}  // namespace
}  // namespace mr::client
