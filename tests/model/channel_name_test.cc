#include "model/channel_name.h"

#include <gtest/gtest.h>

namespace mr::model {
namespace {

ChannelName name(std::string_view text) { return ChannelName::parse(text).value(); }

NameErrc refusal(std::string_view text, std::size_t length_max = ChannelName::kLengthMax) {
  const auto parsed = ChannelName::parse(text, length_max);
  EXPECT_FALSE(parsed) << text;
  return parsed ? NameErrc::kEmpty : parsed.error().code;
}

TEST(ChannelNameTest, PrefixGivesTheKind) {
  EXPECT_EQ(name("ticker").kind(), ChannelKind::kPublic);
  EXPECT_EQ(name("private-x").kind(), ChannelKind::kPrivate);
  EXPECT_EQ(name("private-encrypted-x").kind(), ChannelKind::kEncrypted);
  EXPECT_EQ(name("presence-x").kind(), ChannelKind::kPresence);
  EXPECT_EQ(name("#server-to-user-7").kind(), ChannelKind::kServerToUser);
  EXPECT_EQ(ChannelName::server_to_user("7"), name("#server-to-user-7"));
}

TEST(ChannelNameTest, CacheChannelsKeepTheirAuthentication) {
  EXPECT_TRUE(name("cache-x").is_cache());
  EXPECT_FALSE(name("cache-x").needs_auth());
  for (const char* text : {"private-cache-x", "private-encrypted-cache-x", "presence-cache-x"}) {
    EXPECT_TRUE(name(text).is_cache()) << text;
    EXPECT_TRUE(name(text).needs_auth()) << text;
  }
  EXPECT_TRUE(name("presence-cache-x").is_presence());
}

TEST(ChannelNameTest, CacheInsideANameIsNoCacheChannel) {
  EXPECT_FALSE(name("my-cache-room").is_cache());
  EXPECT_FALSE(name("private-my-cache-room").is_cache());
}

TEST(ChannelNameTest, ColonsAreOrdinary) {
  EXPECT_EQ(name("ticker:BTC-USD").text(), "ticker:BTC-USD");
}

TEST(ChannelNameTest, RefusesWhatPusherRefuses) {
  EXPECT_EQ(refusal(""), NameErrc::kEmpty);
  EXPECT_EQ(refusal("a b"), NameErrc::kCharacters);
  EXPECT_EQ(refusal("caf\xc3\xa9"), NameErrc::kCharacters);
  EXPECT_EQ(refusal(std::string_view("a\0b", 3)), NameErrc::kCharacters);
  EXPECT_EQ(refusal("#private"), NameErrc::kReserved);
}

TEST(ChannelNameTest, LengthIsBoundedByTheApp) {
  EXPECT_TRUE(ChannelName::parse(std::string(200, 'a')));
  EXPECT_EQ(refusal(std::string(201, 'a')), NameErrc::kTooLong);
  EXPECT_TRUE(ChannelName::parse(std::string(10, 'a'), 10));
  EXPECT_EQ(refusal(std::string(11, 'a'), 10), NameErrc::kTooLong);
}

TEST(ChannelNameTest, ClientEventsOnlyOnPrivateAndPresence) {
  EXPECT_TRUE(name("private-x").allows_client_events());
  EXPECT_TRUE(name("presence-x").allows_client_events());
  EXPECT_FALSE(name("x").allows_client_events());
  EXPECT_FALSE(name("private-encrypted-x").allows_client_events());
}

}  // namespace
}  // namespace mr::model
