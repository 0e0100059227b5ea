#include "api/api_fixture.h"

namespace mr::api {
namespace {

class QueryTest : public ApiFixture {
 protected:
  QueryTest() {
    channels_.channels["a"] = {{"a", 5, 0}, true, std::nullopt};
    channels_.channels["presence-r"] = {{"presence-r", 3, 2}, true, std::nullopt};
    channels_.channels["cache-c"] = {
        {"cache-c", 1, 0}, true, channel::CachedEvent{"e", R"("{\"x\":1}")", {}, 1799}};
  }
};

TEST_F(QueryTest, ListOfChannels) {
  EXPECT_EQ(get("/apps/1/channels").body, R"({"channels":{"a":{},"cache-c":{},"presence-r":{}}})");
  EXPECT_EQ(get("/apps/1/channels/", {{"info", "subscription_count"}}).body,
            R"({"channels":{"a":{"subscription_count":5},"cache-c":{"subscription_count":1},)"
            R"("presence-r":{"subscription_count":3}}})");
  EXPECT_EQ(
      get("/apps/1/channels", {{"filter_by_prefix", "presence-"}, {"info", "user_count"}}).body,
      R"({"channels":{"presence-r":{"user_count":2}}})");
  EXPECT_EQ(get("/apps/1/channels", {{"filter_by_prefix", "zzz"}}).body, R"({"channels":{}})");
  EXPECT_EQ(api_->counters().queries, 4U);
}

TEST_F(QueryTest, ListRefusals) {
  expect_error(get("/apps/1/channels", {{"info", "user_count"}}), 400, "invalid_input");
  expect_error(get("/apps/1/channels", {{"filter_by_prefix", "a"}, {"info", "user_count"}}), 400,
               "invalid_input");
  expect_error(get("/apps/1/channels", {{"info", "cache"}}), 400, "invalid_input");
  expect_error(get("/apps/1/channels", {{"info",
                                         "colo\xff"
                                         "r"}}),
               400, "invalid_input");
}

TEST_F(QueryTest, OneChannel) {
  EXPECT_EQ(get("/apps/1/channels/a").body, R"({"occupied":true})");
  EXPECT_EQ(get("/apps/1/channels/none").body, R"({"occupied":false})");
  EXPECT_EQ(get("/apps/1/channels/a", {{"info", "subscription_count"}}).body,
            R"({"occupied":true,"subscription_count":5})");
  EXPECT_EQ(get("/apps/1/channels/presence-r", {{"info", "user_count,subscription_count"}}).body,
            R"({"occupied":true,"subscription_count":3,"user_count":2})");
  EXPECT_EQ(get("/apps/1/channels/cache-c", {{"info", "cache"}}).body,
            R"({"occupied":true,"cache":{"data":"{\"x\":1}","ttl":1799}})");
  EXPECT_EQ(get("/apps/1/channels/cache-d", {{"info", "cache"}}).body,
            R"({"occupied":false,"cache":null})");
  EXPECT_EQ(get("/apps/1/channels/ticker%3AAAPL").body, R"({"occupied":false})");
}

TEST_F(QueryTest, OneChannelRefusals) {
  expect_error(get("/apps/1/channels/a", {{"info", "user_count"}}), 400, "invalid_input");
  expect_error(get("/apps/1/channels/a", {{"info", "cache"}}), 400, "invalid_input");
  expect_error(get("/apps/1/channels/a%20b"), 400, "invalid_input");
  expect_error(get("/apps/1/channels/%FF"), 400, "invalid_input");
  expect_error(get("/apps/1/channels/" + std::string(201, 'a')), 400, "invalid_input");
}

TEST_F(QueryTest, UsersOfAPresenceChannel) {
  channels_.users = {R"("u1")", "7"};
  EXPECT_EQ(get("/apps/1/channels/presence-r/users").body, R"({"users":[{"id":"u1"},{"id":7}]})");
  channels_.users.clear();
  EXPECT_EQ(get("/apps/1/channels/presence-r/users").body, R"({"users":[]})");
  expect_error(get("/apps/1/channels/a/users"), 400, "invalid_input");
}

TEST_F(QueryTest, HeadIsAnsweredLikeGet) {
  EXPECT_EQ(ask(signed_request(http::Method::kHead, "/apps/1/channels")).status, 200);
}

TEST_F(QueryTest, ReadsHaveTheirOwnRate) {
  app_options_.max_read_requests_per_second = 2;
  app_options_.max_backend_events_per_second = 1;
  make_app(app_options_);
  EXPECT_EQ(get("/apps/1/channels").status, 200);
  EXPECT_EQ(get("/apps/1/channels/a").status, 200);
  const http::Response refused = get("/apps/1/channels/presence-r/users");
  expect_error(refused, 429, "rate_limited");
  ASSERT_NE(refused.header("Retry-After"), nullptr);
  EXPECT_EQ(*refused.header("Retry-After"), "1");
  EXPECT_EQ(post("/apps/1/events", R"({"name":"e","data":"","channel":"c"})").status, 200);
  clock_.elapsed = std::chrono::seconds(1);
  EXPECT_EQ(get("/apps/1/channels").status, 200);
}

}  // namespace
}  // namespace mr::api
