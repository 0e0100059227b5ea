#include "api/admin/access.h"

#include <gtest/gtest.h>

#include "peers.h"

namespace mr::api {
namespace {

using test::ask;
using test::kFar;
using test::kNear;

Access check(http::Request request, std::string_view token) { return check_access(request, token); }

TEST(AccessTest, LoopbackNeedsNoToken) {
  EXPECT_EQ(check(ask("/", kNear), ""), Access::kGranted);
  EXPECT_EQ(check(ask("/", kNear), "token"), Access::kGranted);
  EXPECT_EQ(check(ask("/", kNear, {{"host", "localhost:9601"}}), ""), Access::kGranted);
}

TEST(AccessTest, OthersNeedTheToken) {
  EXPECT_EQ(check(ask("/", kFar), ""), Access::kTokenNeeded);
  EXPECT_EQ(check(ask("/", kFar), "token"), Access::kTokenNeeded);
  EXPECT_EQ(check(ask("/", kFar, {{"authorization", "Bearer token"}}), "token"), Access::kGranted);
  EXPECT_EQ(check(ask("/", kFar, {{"authorization", "bearer  token"}}), "token"), Access::kGranted);
}

TEST(AccessTest, AWrongTokenIsRefusedFromEverywhere) {
  for (const char* value : {"Bearer tokem", "Bearer token ", "Bearer tok", "Bearer ", "Bearer",
                            "token", "Basic dG9rZW4=", "", "Bearer tokentoken"}) {
    EXPECT_EQ(check(ask("/", kFar, {{"authorization", value}}), "token"), Access::kTokenWrong)
        << value;
    EXPECT_EQ(check(ask("/", kNear, {{"authorization", value}}), "token"), Access::kTokenWrong)
        << value;
  }
}

TEST(AccessTest, AnEmptyTokenIsNeverRight) {
  for (const char* value : {"Bearer ", "Bearer", "Bearer  ", "", "Bearer x"}) {
    EXPECT_EQ(check(ask("/", kFar, {{"authorization", value}}), ""), Access::kTokenWrong) << value;
  }
}

TEST(AccessTest, ALoopbackPeerThatSpeaksForOthersNeedsTheToken) {
  for (const char* name : {"forwarded", "x-forwarded-for", "x-real-ip"}) {
    EXPECT_EQ(check(ask("/", kNear, {{name, "127.0.0.1"}}), ""), Access::kForeignHost) << name;
  }
  EXPECT_EQ(check(ask("/", kNear, {{"host", "evil.example:9601"}}), ""), Access::kForeignHost);
  EXPECT_EQ(check(ask("/", kNear, {{"host", "evil.example"}, {"authorization", "Bearer token"}}),
                  "token"),
            Access::kGranted);
}

TEST(AccessTest, LoopbackNames) {
  for (const char* host : {"localhost", "LOCALHOST:1", "127.0.0.1", "127.0.0.1:9601", "127.1.2.3",
                           "[::1]", "[::1]:9601"}) {
    EXPECT_TRUE(is_loopback_host(host)) << host;
  }
  for (const char* host : {"", "example.com", "localhost.example.com", "127.0.0.1.example.com",
                           "[::2]", "[::1", "[::1.example.com]", "10.0.0.1", "0.0.0.0"}) {
    EXPECT_FALSE(is_loopback_host(host)) << host;
  }
}

TEST(AccessTest, EveryRefusalNamesTheRemedy) {
  for (const Access access : {Access::kTokenNeeded, Access::kTokenWrong, Access::kForeignHost}) {
    EXPECT_NE(explain(access).find("Authorization: Bearer"), std::string_view::npos);
  }
}

}  // namespace
}  // namespace mr::api
