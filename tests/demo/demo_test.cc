#include <gtest/gtest.h>

#include <set>
#include <string>

#include "demo/authorize.h"
#include "demo/market.h"
#include "demo/site.h"
#include "json/parser.h"
#include "pusher/auth.h"

namespace mr::demo {
namespace {

model::AppRef dev_app() {
  model::AppOptions options;
  options.id = "app-id";
  options.key = "app-key";
  options.secret = "app-secret";
  return base::Ref<const model::App>(new model::App(options));
}

class StoppedClock final : public base::Clock {
 public:
  base::TimePoint now() const override { return {}; }
  base::WallTime wall_now() const override {
    return base::WallTime(std::chrono::seconds(1'700'000'000));
  }
};

http::Request post(std::string path, std::string body, std::string type) {
  http::Request request;
  request.method = http::Method::kPost;
  request.path = std::move(path);
  request.body = std::move(body);
  request.headers = {{"content-type", std::move(type)}};
  return request;
}

constexpr char kForm[] = "application/x-www-form-urlencoded";
constexpr char kJson[] = "application/json";

class SiteTest : public testing::Test {
 protected:
  // The text of one member of the JSON object in `text`.
  std::string member(const std::string& text, std::string_view name) {
    const auto parsed = parser_.parse(text);
    if (!parsed) return "not JSON: " + text;
    const auto value = parsed.value().member(name);
    return value ? std::string(value->as_string().value_or(value->raw())) : "";
  }

  StoppedClock clock_;
  model::AppRef app_ = dev_app();
  crypto::HmacSha256 hmac_{app_->options.secret};
  json::Parser parser_{1 << 20};
  Site site_{app_, clock_};
};

TEST(MarketTest, SameSeedSameWalkInTheShapeOfRecordedTickers) {
  Market one(7);
  Market two(7);
  json::Parser parser(4096);
  std::set<std::string> symbols;
  for (int i = 0; i < 5000; ++i) {
    const Tick tick = one.next(1000 + i);
    ASSERT_EQ(tick.data, two.next(1000 + i).data);
    const auto parsed = parser.parse(tick.data);
    ASSERT_TRUE(parsed) << tick.data;
    const auto root = parsed.value();
    const double bid = std::stod(std::string(root.member("bid")->as_string().value()));
    const double ask = std::stod(std::string(root.member("ask")->as_string().value()));
    ASSERT_GT(bid, 0) << tick.data;
    ASSERT_LT(bid, ask) << tick.data;
    ASSERT_EQ(root.member("ts")->as_int(), 1000 + i);
    symbols.insert(std::string(root.member("symbol")->as_string().value()));
  }
  EXPECT_EQ(symbols.size(), one.symbols().size());
}

TEST_F(SiteTest, ServesThePageItsFilesAndSettings) {
  http::Request request;
  for (const std::string path : {"/demo", "/demo/", "/demo/index.html"}) {
    request.path = path;
    const auto response = site_.serve(request);
    EXPECT_EQ(response.status, 200) << path;
    EXPECT_TRUE(response.content_type.starts_with("text/html")) << path;
  }
  for (const std::string path : {"/demo/demo.js", "/demo/demo.css", "/demo/icon.svg"}) {
    request.path = path;
    EXPECT_EQ(site_.serve(request).status, 200) << path;
  }
  request.path = "/demo/settings.json";
  EXPECT_EQ(member(site_.serve(request).body, "key"), "app-key");
  request.path = "/demo/../etc/passwd";
  EXPECT_EQ(site_.serve(request).status, 404);
  EXPECT_FALSE(Site::owns("/demonstration"));
  request.method = http::Method::kPut;
  EXPECT_EQ(site_.serve(request).status, 405);
}

TEST_F(SiteTest, AuthorizesPrivateChannelsFromFormAndJson) {
  const auto form =
      site_.serve(post("/demo/auth", "socket_id=12.34&channel_name=private-demo%3Achat", kForm));
  const auto json = site_.serve(
      post("/demo/auth", R"({"socket_id":"12.34","channel_name":"private-demo:chat"})", kJson));
  ASSERT_EQ(form.status, 200) << form.body;
  EXPECT_EQ(form.body, json.body);
  const std::string auth = member(form.body, "auth");
  EXPECT_TRUE(pusher::check_channel_auth(
      *app_, hmac_, {auth, *model::SocketId::parse("12.34"), "private-demo:chat", std::nullopt}));
}

TEST_F(SiteTest, AuthorizesPresenceWithGivenAndInventedUsers) {
  for (const std::string body :
       {R"({"socket_id":"12.34","channel_name":"presence-a","user_id":7,"user_info":{"a":[1]}})",
        R"({"socket_id":"12.34","channel_name":"presence-a"})"}) {
    const auto response = site_.serve(post("/demo/auth", body, kJson));
    ASSERT_EQ(response.status, 200) << response.body;
    const std::string auth = member(response.body, "auth");
    const std::string channel_data = member(response.body, "channel_data");
    EXPECT_TRUE(pusher::check_channel_auth(
        *app_, hmac_, {auth, *model::SocketId::parse("12.34"), "presence-a", channel_data}))
        << channel_data;
    if (body.find("user_id") != std::string::npos) {
      EXPECT_EQ(channel_data, R"({"user_id":7,"user_info":{"a":[1]}})");
    } else {
      EXPECT_EQ(member(channel_data, "user_id"), "u34");
    }
  }
}

TEST_F(SiteTest, AuthenticatesUsers) {
  const auto response = site_.serve(post("/demo/user-auth", "socket_id=12.34&user_id=u9", kForm));
  ASSERT_EQ(response.status, 200) << response.body;
  const std::string auth = member(response.body, "auth");
  const std::string user_data = member(response.body, "user_data");
  EXPECT_EQ(member(user_data, "id"), "u9");
  EXPECT_TRUE(
      pusher::check_user_auth(*app_, hmac_, {auth, *model::SocketId::parse("12.34"), user_data}));
}

TEST_F(SiteTest, SignsRestPathsAndNothingElse) {
  const auto response = site_.serve(
      post("/demo/sign", R"({"method":"POST","path":"/apps/app-id/events","body":"{}"})", kJson));
  ASSERT_EQ(response.status, 200) << response.body;
  const std::string url = member(response.body, "url");
  EXPECT_TRUE(url.starts_with("/apps/app-id/events?auth_key=app-key&auth_timestamp=1700000000"))
      << url;
  EXPECT_EQ(site_.serve(post("/demo/sign", R"({"method":"POST","path":"/admin"})", kJson)).status,
            400);
}

TEST_F(SiteTest, WrongInputIsAnswered400WithASentence) {
  for (const std::string body :
       {"", "socket_id=1&channel_name=private-a", "socket_id=1.2", "%zz", "channel_name=x"}) {
    const auto response = site_.serve(post("/demo/auth", body, kForm));
    EXPECT_EQ(response.status, 400) << body;
    EXPECT_FALSE(member(response.body, "error").empty()) << body;
  }
  EXPECT_EQ(site_.serve(post("/demo/auth", "[1,2", kJson)).status, 400);
  EXPECT_EQ(site_.serve(post("/demo/user-auth", "{}", kJson)).status, 400);
  EXPECT_EQ(site_.serve(post("/demo/sign", "nonsense", kJson)).status, 400);
  EXPECT_EQ(site_.serve(post("/demo/other", "", kForm)).status, 404);
}

}  // namespace
}  // namespace mr::demo
