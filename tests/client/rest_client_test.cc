#include "client/rest_client.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "client/fake_node.h"
#include "crypto/hmac.h"
#include "http/query.h"
#include "model/app.h"
#include "pusher/rest_auth.h"

namespace mr::client::test {
namespace {

RestOptions options_for(const FakeNode& node) {
  RestOptions options;
  options.address = {"127.0.0.1", node.port};
  options.app_id = "7";
  options.key = "k";
  options.secret = "s3cret";
  return options;
}

bool is_signed(const http::Request& request, base::WallTime now) {
  model::AppOptions app_options;
  app_options.id = "7";
  app_options.key = "k";
  app_options.secret = "s3cret";
  const model::App* app = new model::App(app_options);
  const base::Ref<const model::App> held(app);
  crypto::HmacSha256 hmac("s3cret");
  const auto parameters = http::parse_query(request.query);
  return parameters &&
         pusher::check_rest(*app, hmac,
                            {request.method_text, request.path, *parameters, request.body}, now)
             .ok();
}

TEST(RestClient, SignsWhatTheServerAccepts) {
  FakeNode node;
  RestClient rest(node.clients, options_for(node));
  std::vector<RestReply> replies;
  const auto keep = [&replies](RestReply reply) { replies.push_back(std::move(reply)); };
  rest.publish({"ch", "ev", "{\"a\":1}"}, keep);
  const std::vector<RestEvent> batch{{"a", "e", "1"}, {"b", "e", "2"}};
  rest.publish_batch(batch, keep);
  rest.get("/channels", {{"info", "user_count"}, {"filter_by_prefix", "presence-a b&c"}}, keep);
  rest.post("/publish", "raw", keep);
  EXPECT_EQ(rest.in_flight(), 4u);
  node.run();
  ASSERT_EQ(node.requests.size(), 4u);
  ASSERT_EQ(replies.size(), 4u);
  const auto now = node.clients.clock().wall_now();
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_TRUE(replies[i].ok());
    EXPECT_TRUE(is_signed(node.requests[i], now)) << node.requests[i].target;
  }
  EXPECT_EQ(node.requests[0].path, "/apps/7/events");
  EXPECT_EQ(node.requests[0].body, R"({"name":"ev","channel":"ch","data":"{\"a\":1}"})");
  EXPECT_EQ(node.requests[1].body, R"({"batch":[{"name":"e","channel":"a","data":"1"},)"
                                   R"({"name":"e","channel":"b","data":"2"}]})");
  EXPECT_EQ(node.requests[3].target, "/publish");
  EXPECT_EQ(node.pool->counters().accepted, 1u);
}

TEST(RestClient, ReportsStatusAndLoss) {
  FakeNode node;
  node.answer_status = 401;
  RestClient rest(node.clients, options_for(node));
  std::vector<RestReply> replies;
  const auto keep = [&replies](RestReply reply) { replies.push_back(std::move(reply)); };
  rest.publish({"ch", "ev", "d"}, keep);
  node.run();
  ASSERT_EQ(replies.size(), 1u);
  EXPECT_EQ(replies[0].status, 401);
  EXPECT_FALSE(replies[0].ok());
  RestOptions nowhere = options_for(node);
  nowhere.address.port = 1;
  RestClient lost(node.clients, nowhere);
  lost.publish({"ch", "ev", "d"}, keep);
  node.run();
  ASSERT_EQ(replies.size(), 2u);
  EXPECT_EQ(replies[1].status, 0);
  EXPECT_FALSE(replies[1].body.empty());
}

}  // namespace
}  // namespace mr::client::test
