#include "pusher/decode.h"

#include <gtest/gtest.h>

#include <utility>

namespace mr::pusher {
namespace {

class DecodeTest : public testing::Test {
 protected:
  template <class T>
  T as(std::string_view frame) {
    auto result = decode(parser_, frame);
    EXPECT_TRUE(result.ok()) << frame << (result.ok() ? "" : result.error().detail);
    if (!result.ok()) return T{};
    EXPECT_TRUE(std::holds_alternative<T>(result.value())) << frame;
    if (!std::holds_alternative<T>(result.value())) return T{};
    return std::get<T>(std::move(result).value());
  }
  Errc fail(std::string_view frame) {
    const auto result = decode(parser_, frame);
    EXPECT_FALSE(result.ok()) << frame;
    if (result.ok()) return Errc{};
    EXPECT_NE(result.error().detail.find("; "), std::string::npos) << "no remedy for " << frame;
    return result.error().code;
  }
  json::Parser parser_{64 * 1024};
};

TEST_F(DecodeTest, PingAndPong) {
  as<Ping>(R"({"event":"pusher:ping","data":{}})");
  as<Ping>(R"({"event":"pusher:ping"})");
  as<Ping>(R"({"data":"","event":"sockudo:ping"})");
  as<Pong>(R"({"event":"pusher:pong","data":null})");
}

TEST_F(DecodeTest, SubscribeWithObject) {
  const auto s =
      as<Subscribe>(R"({"event":"pusher:subscribe","data":{"auth":"k:s","channel":"presence-c",)"
                    R"("channel_data":"{\"user_id\": 7}"}})");
  EXPECT_EQ(s.channel, "presence-c");
  EXPECT_EQ(s.auth, "k:s");
  EXPECT_EQ(s.channel_data, R"({"user_id": 7})");
}

TEST_F(DecodeTest, SubscribeWithJsonString) {
  const auto s =
      as<Subscribe>(R"({"event":"sockudo:subscribe","data":"{\"channel\":\"c\",\"auth\":null}"})");
  EXPECT_EQ(s.channel, "c");
  EXPECT_EQ(s.auth, "");
  EXPECT_EQ(s.channel_data, std::nullopt);
}

TEST_F(DecodeTest, SubscribeWithChannelDataAsObjectKeepsItsBytes) {
  const auto s = as<Subscribe>(
      R"({"event":"pusher:subscribe","data":{"channel":"c","channel_data":{ "user_id":1.0 }}})");
  EXPECT_EQ(s.channel_data, R"({ "user_id":1.0 })");
}

TEST_F(DecodeTest, SubscribeRefusals) {
  EXPECT_EQ(fail(R"({"event":"pusher:subscribe"})"), Errc::kDataShape);
  EXPECT_EQ(fail(R"({"event":"pusher:subscribe","data":[]})"), Errc::kDataShape);
  EXPECT_EQ(fail(R"({"event":"pusher:subscribe","data":"c"})"), Errc::kDataShape);
  EXPECT_EQ(fail(R"({"event":"pusher:subscribe","data":"[1]"})"), Errc::kDataShape);
  EXPECT_EQ(fail(R"({"event":"pusher:subscribe","data":{}})"), Errc::kChannelMissing);
  EXPECT_EQ(fail(R"({"event":"pusher:subscribe","data":{"channel":5}})"), Errc::kChannelMissing);
  EXPECT_EQ(fail(R"({"event":"pusher:subscribe","data":{"channel":"c","auth":1}})"),
            Errc::kDataShape);
  EXPECT_EQ(fail(R"({"event":"pusher:subscribe","data":{"channel":"c","channel_data":[]}})"),
            Errc::kDataShape);
}

TEST_F(DecodeTest, SubscribeAsksForDeltas) {
  const auto wish = [this](const std::string& value) {
    return as<Subscribe>(R"({"event":"pusher:subscribe","data":{"channel":"c","delta":)" + value +
                         "}}")
        .delta;
  };
  EXPECT_EQ(wish("null"), std::nullopt);
  EXPECT_EQ(wish("true"), model::DeltaWish{});
  EXPECT_EQ(wish(R"("xdelta3")"), (model::DeltaWish{.algorithm = model::DeltaAlgorithm::kVcdiff}));
  EXPECT_EQ(as<Subscribe>(R"({"event":"pusher:subscribe","data":{"channel":"c"}})").delta,
            std::nullopt);
  EXPECT_EQ(
      as<Subscribe>(R"({"event":"sockudo:subscribe","data":"{\"channel\":\"c\",\"delta\":false}"})")
          .delta,
      model::DeltaWish{.enabled = false});
  for (const std::string_view odd : {"7", "[]", R"({"enabled":"yes"})"}) {
    EXPECT_EQ(fail(R"({"event":"pusher:subscribe","data":{"channel":"c","delta":)" +
                   std::string(odd) + "}}"),
              Errc::kDataShape);
  }
}

TEST_F(DecodeTest, SubscribeHandsItsFilterOnAsItStands) {
  const auto filter = [this](const std::string& members) {
    return as<Subscribe>(R"({"event":"pusher:subscribe","data":{"channel":"c")" + members + "}}")
        .filter;
  };
  EXPECT_EQ(filter(""), "");
  EXPECT_EQ(filter(R"(,"filter":null,"tags_filter":null)"), "");
  EXPECT_EQ(filter(R"(,"filter":{ "key" : "a","cmp":"ex"})"), R"({ "key" : "a","cmp":"ex"})");
  EXPECT_EQ(filter(R"(,"tags_filter":[1, 2])"), "[1, 2]") << "not judged here";
  EXPECT_EQ(filter(R"(,"tags_filter":1,"filter":2)"), "2");
  EXPECT_EQ(
      as<Subscribe>(
          R"({"event":"pusher:subscribe","data":"{\"channel\":\"c\",\"filter\":{\"op\":1}}"})")
          .filter,
      R"({"op":1})");
}

TEST_F(DecodeTest, EnableDeltaCompression) {
  const auto asked = [this](const std::string& data) {
    return as<EnableDelta>(R"({"event":"pusher:enable_delta_compression")" + data + "}").asked;
  };
  for (const char* nothing :
       {"", R"(,"data":{})", R"(,"data":null)", R"(,"data":"")", R"(,"data":"{}")"}) {
    EXPECT_EQ(asked(nothing), model::DeltaSwitch{}) << nothing;
  }
  const auto listed = asked(R"(,"data":"{\"algorithms\":[\"xdelta3\",\"fossil\"]}")");
  ASSERT_TRUE(listed.offer);
  EXPECT_EQ(listed.offer->preferred(), model::DeltaAlgorithm::kVcdiff);
  as<EnableDelta>(R"({"event":"sockudo:enable_delta_compression","data":{}})");
  for (const char* odd : {"7", "[]", R"("fossil")", R"({"algorithms":"fossil"})"}) {
    EXPECT_EQ(
        fail(R"({"event":"pusher:enable_delta_compression","data":)" + std::string(odd) + "}"),
        Errc::kDataShape);
  }
}

TEST_F(DecodeTest, DeltaSyncErrorInEveryForm) {
  EXPECT_EQ(
      as<DeltaSyncError>(R"({"event":"sockudo:delta_sync_error","data":{"channel":"c"}})").channel,
      "c");
  EXPECT_EQ(
      as<DeltaSyncError>(R"({"event":"pusher:delta_sync_error","data":"{\"channel\":\"c\"}"})")
          .channel,
      "c");
  EXPECT_EQ(fail(R"({"event":"pusher:delta_sync_error"})"), Errc::kChannelMissing);
  EXPECT_EQ(fail(R"({"event":"pusher:delta_sync_error","data":"{\"channel\":\"\"}"})"),
            Errc::kChannelMissing);
}

TEST_F(DecodeTest, UnsubscribeInEveryForm) {
  EXPECT_EQ(as<Unsubscribe>(R"({"event":"pusher:unsubscribe","data":{"channel":"c"}})").channel,
            "c");
  EXPECT_EQ(
      as<Unsubscribe>(R"({"event":"pusher:unsubscribe","data":"{\"channel\":\"c\"}"})").channel,
      "c");
  EXPECT_EQ(as<Unsubscribe>(R"({"event":"pusher:unsubscribe","data":"c"})").channel, "c");
  EXPECT_EQ(as<Unsubscribe>(R"({"event":"pusher:unsubscribe","data":"17"})").channel, "17");
  EXPECT_EQ(fail(R"({"event":"pusher:unsubscribe"})"), Errc::kChannelMissing);
  EXPECT_EQ(fail(R"({"event":"pusher:unsubscribe","data":{}})"), Errc::kChannelMissing);
  EXPECT_EQ(fail(R"({"event":"pusher:unsubscribe","data":"{}"})"), Errc::kChannelMissing);
  EXPECT_EQ(fail(R"({"event":"pusher:unsubscribe","data":""})"), Errc::kChannelMissing);
}

TEST_F(DecodeTest, Signin) {
  const auto s =
      as<Signin>(R"({"event":"pusher:signin","data":{"auth":"k:s","user_data":"{\"id\":\"u\"}"}})");
  EXPECT_EQ(s.auth, "k:s");
  EXPECT_EQ(s.user_data, R"({"id":"u"})");
  EXPECT_EQ(fail(R"({"event":"pusher:signin","data":{"auth":"k:s"}})"), Errc::kDataShape);
  EXPECT_EQ(fail(R"({"event":"pusher:signin","data":{"user_data":"{}"}})"), Errc::kDataShape);
  EXPECT_EQ(fail(R"({"event":"pusher:signin"})"), Errc::kDataShape);
}

TEST_F(DecodeTest, ClientMessageKeepsItsDataByteForByte) {
  const auto m = as<ClientMessage>(
      "{\"event\":\"client-x\",\"data\": { \"n\" : 1.00, \"s\":\"\\u0041\\/\","
      "\"b\":12345678901234567890123 } ,\"channel\":\"private-c\"}");
  EXPECT_EQ(m.event, "client-x");
  EXPECT_EQ(m.channel, "private-c");
  EXPECT_EQ(m.data, "{ \"n\" : 1.00, \"s\":\"\\u0041\\/\",\"b\":12345678901234567890123 }");
  EXPECT_EQ(as<ClientMessage>(R"({"event":"client-x","channel":"c","data":"t\n"})").data,
            R"("t\n")");
  EXPECT_EQ(as<ClientMessage>(R"({"event":"client-x","channel":"c"})").data, "");
  EXPECT_EQ(fail(R"({"event":"client-x","data":1})"), Errc::kChannelMissing);
  EXPECT_EQ(fail(R"({"event":"client-x","channel":{},"data":1})"), Errc::kChannelMissing);
}

TEST_F(DecodeTest, UnknownEvents) {
  EXPECT_EQ(as<UnknownEvent>(R"({"event":"pusher:nothing"})").event, "pusher:nothing");
  EXPECT_EQ(as<UnknownEvent>(R"({"event":"ping"})").event, "ping");
  EXPECT_EQ(as<UnknownEvent>(R"({"event":"Client-x","channel":"c"})").event, "Client-x");
}

TEST_F(DecodeTest, WhatIsNoEnvelope) {
  EXPECT_EQ(fail(""), Errc::kNotJson);
  EXPECT_EQ(fail("hello"), Errc::kNotJson);
  EXPECT_EQ(fail(std::string(200, '[') + std::string(200, ']')), Errc::kNotJson);
  EXPECT_EQ(fail("[1]"), Errc::kNotAnObject);
  EXPECT_EQ(fail("null"), Errc::kNotAnObject);
  EXPECT_EQ(fail("{}"), Errc::kEventMissing);
  EXPECT_EQ(fail(R"({"event":""})"), Errc::kEventMissing);
  EXPECT_EQ(fail(R"({"event":7})"), Errc::kEventMissing);
}

TEST_F(DecodeTest, FirstOfTwoMembersWins) {
  EXPECT_EQ(as<UnknownEvent>(R"({"event":"a","event":"pusher:ping"})").event, "a");
}

}  // namespace
}  // namespace mr::pusher
