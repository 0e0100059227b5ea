#include "pusher/presence.h"

#include <gtest/gtest.h>

#include "pusher/user.h"

namespace mr::pusher {
namespace {

class PresenceTest : public testing::Test {
 protected:
  json::Parser parser_{4096};
};

TEST_F(PresenceTest, TextUserIdWithAnyAbout) {
  const auto user = parse_channel_data(parser_, R"({"user_info":{ "n":"A" },"user_id":"u\u0031"})");
  ASSERT_TRUE(user.ok());
  EXPECT_EQ(user.value().user_id, "u1");
  EXPECT_EQ(user.value().user_id_json, R"("u\u0031")");
  EXPECT_EQ(user.value().user_info_json, R"({ "n":"A" })");
}

TEST_F(PresenceTest, NumericUserIdKeepsItsForm) {
  const auto user = parse_channel_data(parser_, R"({"user_id": 7 })");
  ASSERT_TRUE(user.ok());
  EXPECT_EQ(user.value().user_id, "7");
  EXPECT_EQ(user.value().user_id_json, "7");
  EXPECT_EQ(user.value().user_info_json, "");
}

TEST_F(PresenceTest, Refusals) {
  const auto code = [&](std::string_view text) {
    const auto user = parse_channel_data(parser_, text);
    EXPECT_FALSE(user.ok()) << text;
    return user.ok() ? Errc::kEventMissing : user.error().code;
  };
  EXPECT_EQ(code(""), Errc::kNotJson);
  EXPECT_EQ(code("{"), Errc::kNotJson);
  EXPECT_EQ(code("[]"), Errc::kNotAnObject);
  EXPECT_EQ(code("{}"), Errc::kUserIdMissing);
  EXPECT_EQ(code(R"({"user_id":""})"), Errc::kUserIdMissing);
  EXPECT_EQ(code(R"({"user_id":null})"), Errc::kUserIdMissing);
  EXPECT_EQ(code(R"({"user_id":true})"), Errc::kUserIdMissing);
  EXPECT_EQ(code(R"({"user_id":{}})"), Errc::kUserIdMissing);
}

TEST_F(PresenceTest, UserOfASignIn) {
  auto user = parse_user_data(parser_, R"({"id":42,"watchlist":["a"],"user_info":{}})");
  ASSERT_TRUE(user.ok());
  EXPECT_EQ(user.value().id, "42");
  EXPECT_EQ(user.value().id_json, "42");
  user = parse_user_data(parser_, R"({"id":"u1"})");
  ASSERT_TRUE(user.ok());
  EXPECT_EQ(user.value().id, "u1");
  EXPECT_EQ(user.value().id_json, R"("u1")");
  EXPECT_EQ(parse_user_data(parser_, R"({"user_id":"u1"})").error().code, Errc::kUserIdMissing);
  EXPECT_EQ(parse_user_data(parser_, "1").error().code, Errc::kNotAnObject);
  EXPECT_EQ(parse_user_data(parser_, "x").error().code, Errc::kNotJson);
}

}  // namespace
}  // namespace mr::pusher
