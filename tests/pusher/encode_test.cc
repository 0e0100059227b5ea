#include "pusher/encode.h"

#include <gtest/gtest.h>

#include <vector>

#include "pusher/close_codes.h"

namespace mr::pusher {
namespace {

// Golden texts: what pusher-js reads, byte for byte.

TEST(EncodeTest, ConnectionEstablished) {
  EXPECT_EQ(
      connection_established(model::SocketId{1234567890, 987654321}, 120),
      R"({"event":"pusher:connection_established","data":"{\"socket_id\":\"1234567890.987654321\",\"activity_timeout\":120}"})");
}

TEST(EncodeTest, PingAndPongHaveNoData) {
  EXPECT_EQ(ping(), R"({"event":"pusher:ping"})");
  EXPECT_EQ(pong(), R"({"event":"pusher:pong"})");
}

TEST(EncodeTest, ErrorDataIsAnObject) {
  EXPECT_EQ(error(number(CloseCode::kUnauthorized), "say \"please\""),
            R"({"event":"pusher:error","data":{"code":4009,"message":"say \"please\""}})");
  EXPECT_EQ(error(std::nullopt, "no"),
            R"({"event":"pusher:error","data":{"code":null,"message":"no"}})");
}

TEST(EncodeTest, SigninSuccess) {
  EXPECT_EQ(signin_success(R"({"id":"u1"})"),
            R"({"event":"pusher:signin_success","data":{"user_data":"{\"id\":\"u1\"}"}})");
}

TEST(EncodeTest, SubscriptionSucceeded) {
  EXPECT_EQ(subscription_succeeded("ticker:AAPL"),
            R"({"event":"pusher_internal:subscription_succeeded","channel":"ticker:AAPL",)"
            R"("data":"{}"})");
}

TEST(EncodeTest, PresenceSubscriptionSucceeded) {
  const std::vector<Member> members = {{R"("u1")", "u1", R"({"name":"A"})"}, {"7", "7", ""}};
  EXPECT_EQ(
      presence_subscription_succeeded("presence-c", members),
      R"({"event":"pusher_internal:subscription_succeeded","channel":"presence-c","data":)"
      R"("{\"presence\":{\"ids\":[\"u1\",7],\"hash\":{\"u1\":{\"name\":\"A\"},\"7\":null},\"count\":2}}"})");
  EXPECT_EQ(presence_subscription_succeeded("presence-c", {}),
            R"({"event":"pusher_internal:subscription_succeeded","channel":"presence-c","data":)"
            R"("{\"presence\":{\"ids\":[],\"hash\":{},\"count\":0}}"})");
}

TEST(EncodeTest, SubscriptionErrorDataIsAnObject) {
  EXPECT_EQ(subscription_error("private-c", "AuthError", "bad signature", 401),
            R"({"event":"pusher:subscription_error","channel":"private-c",)"
            R"("data":{"type":"AuthError","error":"bad signature","status":401}})");
}

TEST(EncodeTest, SubscriptionCount) {
  EXPECT_EQ(subscription_count("c", 3),
            R"({"event":"pusher_internal:subscription_count","channel":"c",)"
            R"("data":"{\"subscription_count\":3}"})");
}

TEST(EncodeTest, MembersComeAndGo) {
  EXPECT_EQ(member_added("presence-c", {R"("u2")", "u2", "{}"}),
            R"({"event":"pusher_internal:member_added","channel":"presence-c",)"
            R"("data":"{\"user_id\":\"u2\",\"user_info\":{}}"})");
  EXPECT_EQ(member_added("presence-c", {"7", "7", ""}),
            R"({"event":"pusher_internal:member_added","channel":"presence-c",)"
            R"("data":"{\"user_id\":7}"})");
  EXPECT_EQ(member_removed("presence-c", {R"("u2")", "u2", "{}"}),
            R"({"event":"pusher_internal:member_removed","channel":"presence-c",)"
            R"("data":"{\"user_id\":\"u2\"}"})");
}

TEST(EncodeTest, CacheMiss) {
  EXPECT_EQ(cache_miss("cache-c"),
            R"({"event":"pusher:cache_miss","channel":"cache-c","data":"{}"})");
}

TEST(EncodeTest, ApplicationEventsKeepTheirData) {
  EXPECT_EQ(channel_event("price \"x\"", "c", R"("{ \"p\": 1.0 }")"),
            R"({"event":"price \"x\"","channel":"c","data":"{ \"p\": 1.0 }"})");
  EXPECT_EQ(channel_event("e", "c", ""), R"({"event":"e","channel":"c"})");
}

TEST(EncodeTest, ClientEventsNameTheUserOnPresenceChannels) {
  EXPECT_EQ(client_event("client-x", "private-c", R"({ "a" : 1 })", std::nullopt),
            R"({"event":"client-x","channel":"private-c","data":{ "a" : 1 }})");
  EXPECT_EQ(client_event("client-x", "presence-c", "1", R"("u1")"),
            R"({"event":"client-x","channel":"presence-c","data":1,"user_id":"u1"})");
  EXPECT_EQ(client_event("client-x", "presence-c", "1", "7"),
            R"({"event":"client-x","channel":"presence-c","data":1,"user_id":7})");
}

TEST(CloseCodesTest, Only43xxKeepTheConnection) {
  for (const CloseCode code :
       {CloseCode::kAppUnknown, CloseCode::kAppDisabled, CloseCode::kOverQuota,
        CloseCode::kUnauthorized, CloseCode::kOverCapacity, CloseCode::kReconnect,
        CloseCode::kPongMissing, CloseCode::kInactive}) {
    EXPECT_TRUE(closes(code)) << number(code);
    EXPECT_FALSE(message(code).empty());
    EXPECT_LE(message(code).size(), 123U) << "a close frame's reason (RFC 6455 section 5.5)";
  }
  for (const CloseCode code :
       {CloseCode::kChannelRefused, CloseCode::kClientEventRefused, CloseCode::kWatchlistRefused}) {
    EXPECT_FALSE(closes(code)) << number(code);
    EXPECT_FALSE(message(code).empty());
  }
}

TEST(EncodeTest, ProtocolTwoHasItsOwnNamesForOursAlone) {
  EXPECT_EQ(in_second_names(pong()), R"({"event":"sockudo:pong"})");
  EXPECT_EQ(in_second_names(R"({"event":"pusher_internal:member_added"})"),
            R"({"event":"sockudo_internal:member_added"})");
  for (const char* other : {R"({"event":"pusher-like"})", R"({"event":"price"})", "{}"}) {
    EXPECT_EQ(in_second_names(other), other);
  }
  EXPECT_EQ(tagged_event("e", "c", "1", {{"a", "x\""}}),
            R"({"event":"e","channel":"c","data":1,"tags":{"a":"x\""}})");
}

}  // namespace
}  // namespace mr::pusher
