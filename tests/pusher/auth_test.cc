#include "pusher/auth.h"

#include <gtest/gtest.h>

namespace mr::pusher {
namespace {

// The examples of Pusher's "Generating authorization strings" page.
class AuthTest : public testing::Test {
 protected:
  static model::AppOptions options(std::string id) {
    model::AppOptions o;
    o.id = std::move(id);
    o.key = "278d425bdf160c739803";
    o.secret = "7ad3773142a6692b25b8";
    return o;
  }
  model::AppRef app_ = base::make_ref<const model::App>(options("3"));
  crypto::HmacSha256 hmac_{app_->options.secret};
  const model::SocketId socket_{1234, 1234};
};

TEST_F(AuthTest, PrivateChannelExample) {
  const std::string auth =
      "278d425bdf160c739803:58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4";
  const ChannelClaim claim{auth, socket_, "private-foobar", std::nullopt};
  EXPECT_EQ(channel_auth(*app_, hmac_, claim), auth);
  EXPECT_TRUE(check_channel_auth(*app_, hmac_, claim));
}

TEST_F(AuthTest, PresenceChannelExample) {
  const std::string auth =
      "278d425bdf160c739803:31935e7d86dba64c2a90aed31fdc61869f9b22ba9d8863bba239c03ca481bc80";
  const ChannelClaim claim{auth, socket_, "presence-foobar",
                           R"({"user_id":10,"user_info":{"name":"Mr. Channels"}})"};
  EXPECT_EQ(channel_auth(*app_, hmac_, claim), auth);
  EXPECT_TRUE(check_channel_auth(*app_, hmac_, claim));
}

TEST_F(AuthTest, UserExample) {
  const std::string auth =
      "278d425bdf160c739803:4708d583dada6a56435fb8bc611c77c359a31eebde13337c16ab43aa6de336ba";
  const model::SocketId socket{1234, 1234};
  const UserClaim claim{auth, socket, R"({"id":"12345"})"};
  EXPECT_EQ(user_auth(*app_, hmac_, claim), auth);
  EXPECT_TRUE(check_user_auth(*app_, hmac_, claim));
}

TEST_F(AuthTest, AnyChangeIsRefused) {
  const ChannelClaim good{{}, socket_, "private-c", std::nullopt};
  const std::string auth = channel_auth(*app_, hmac_, good);
  const auto check = [&](std::string_view text) {
    return check_channel_auth(*app_, hmac_, {text, socket_, "private-c", std::nullopt});
  };
  EXPECT_TRUE(check(auth));
  for (std::size_t i = 0; i < auth.size(); ++i) {
    std::string other = auth;
    other[i] = other[i] == 'a' ? 'b' : 'a';
    EXPECT_FALSE(check(other)) << i;
    EXPECT_FALSE(check(std::string_view(auth).substr(0, i))) << i;
  }
  EXPECT_FALSE(check(auth + "0"));
  EXPECT_FALSE(check_channel_auth(*app_, hmac_, {auth, {1, 2}, "private-c", std::nullopt}));
  EXPECT_FALSE(check_channel_auth(*app_, hmac_, {auth, socket_, "private-d", std::nullopt}));
  EXPECT_FALSE(check_channel_auth(*app_, hmac_, {auth, socket_, "private-c", ""}));
  EXPECT_FALSE(check_user_auth(*app_, hmac_, {auth, socket_, "private-c"}));
}

TEST_F(AuthTest, SignersFollowTheAppsSecret) {
  Signers signers(1);
  const std::string first = signers.of(*app_).sign_hex("x");
  EXPECT_EQ(first, hmac_.sign_hex("x"));
  EXPECT_EQ(signers.of(*app_).sign_hex("x"), first);
  model::AppOptions changed = options("3");
  changed.secret = "another";
  const auto app = base::make_ref<const model::App>(changed);
  EXPECT_EQ(signers.of(*app).sign_hex("x"), crypto::HmacSha256("another").sign_hex("x"));
}

TEST_F(AuthTest, SignersForgetRatherThanGrow) {
  Signers signers(1);
  for (std::size_t i = 0; i <= Signers::kAppsMax + 1; ++i) {
    const auto app = base::make_ref<const model::App>(options(std::to_string(i)));
    ASSERT_EQ(signers.of(*app).sign_hex("x"), hmac_.sign_hex("x"));
  }
}

}  // namespace
}  // namespace mr::pusher
