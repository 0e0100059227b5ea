#include "api/api_fixture.h"

namespace mr::api {
namespace {

constexpr std::string_view kEvent = R"({"name":"e","data":"d","channel":"c"})";

class PusherApiTest : public ApiFixture {};

TEST_F(PusherApiTest, PublishesAndAnswersAnEmptyObject) {
  const http::Response response = post("/apps/1/events", kEvent);
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, "{}");
  EXPECT_EQ(response.content_type.find("application/json"), 0U);
  ASSERT_EQ(channels_.published.size(), 1U);
  EXPECT_EQ(channels_.published[0].data, R"("d")");
  EXPECT_EQ(api_->counters().requests, 1U);
  EXPECT_EQ(api_->counters().events, 1U);
}

TEST_F(PusherApiTest, BatchesAndAttributes) {
  EXPECT_EQ(post("/apps/1/batch_events", R"({"batch":[{"name":"e","data":"1","channel":"c"},)"
                                         R"({"name":"e","data":"2","channel":"d"}]})")
                .body,
            "{}");
  EXPECT_EQ(channels_.published.size(), 2U);
  EXPECT_EQ(post("/apps/1/events", R"({"name":"e","data":"d","channels":["c","presence-p"],)"
                                   R"("info":"user_count,subscription_count"})")
                .body,
            R"({"channels":{"c":{"subscription_count":3},)"
            R"("presence-p":{"subscription_count":3,"user_count":2}}})");
  EXPECT_EQ(post("/apps/1/batch_events",
                 R"({"batch":[{"name":"e","data":"1","channel":"c","info":"subscription_count"}]})")
                .body,
            R"({"batch":[{"subscription_count":3}]})");
  EXPECT_EQ(post("/apps/1/batch_events", R"({"batch":[]})").body, "{}");
  EXPECT_EQ(api_->counters().events, 5U);
}

TEST_F(PusherApiTest, TerminateConnections) {
  EXPECT_EQ(post("/apps/1/users/u%2F1/terminate_connections", "").body, "{}");
  EXPECT_EQ(post("/apps/1/users/7/terminate_connections", "{}").body, "{}");
  EXPECT_EQ(channels_.terminated, (std::vector<std::string>{"u/1", "7"}));
}

TEST_F(PusherApiTest, UnknownPathsAndMethods) {
  for (const char* path : {"/", "/apps", "/apps/1", "/apps/1/nothing", "/app/key-1",
                           "/pusher/app/1/key-1/xhr", "/apps/1/channels/a/b/c"}) {
    expect_error(ask(request(http::Method::kGet, path)), 404, "not_found");
  }
  const http::Response response = ask(request(http::Method::kGet, "/apps/1/events"));
  expect_error(response, 405, "method_not_allowed");
  ASSERT_NE(response.header("Allow"), nullptr);
  EXPECT_EQ(*response.header("Allow"), "POST");
  expect_error(ask(request(http::Method::kPost, "/apps/%zz/events")), 400, "invalid_input");
  expect_error(ask(request(http::Method::kPost, "/apps/1/events?a=%zz")), 400, "invalid_input");
  EXPECT_EQ(api_->counters().of(Errc::kNotFound), 7U);
}

TEST_F(PusherApiTest, AppsAndKeys) {
  expect_error(post("/apps/2/events", kEvent), 404, "app_not_found");
  model::AppOptions other = app_options_;
  other.id = "2";
  other.key = "key-2";
  other.secret = "secret-2";
  make_app(other);
  expect_error(post("/apps/2/events", kEvent), 401, "auth_failed");
  app_options_.secret = "wrong";
  expect_error(post("/apps/1/events", kEvent), 401, "auth_failed");
  app_options_.key = "unknown";
  expect_error(post("/apps/1/events", kEvent), 401, "auth_failed");
  expect_error(ask(request(http::Method::kPost, "/apps/1/events", kEvent)), 401, "auth_failed");
  EXPECT_TRUE(channels_.published.empty());
}

TEST_F(PusherApiTest, ADisabledAppIsToldSoOnlyWithItsSecret) {
  app_options_.enabled = false;
  make_app(app_options_);
  expect_error(post("/apps/1/events", kEvent), 403, "forbidden");
  app_options_.secret = "wrong";
  expect_error(post("/apps/1/events", kEvent), 401, "auth_failed");
}

TEST_F(PusherApiTest, StaleAndChangedRequests) {
  http::Request late = signed_request(http::Method::kPost, "/apps/1/events", kEvent);
  http::Request changed = late;
  changed.body = R"({"name":"e","data":"x","channel":"c"})";
  expect_error(ask(changed), 401, "auth_failed");
  clock_.elapsed = std::chrono::seconds(601);
  const http::Response response = ask(late);
  expect_error(response, 401, "auth_failed");
  EXPECT_NE(response.body.find("601 s behind"), std::string::npos) << response.body;
}

TEST_F(PusherApiTest, AnyBytesInAnErrorAreStillJson) {
  expect_error(ask(request(http::Method::kGet, "/\xff\x01\"<script>")), 404, "not_found");
  expect_error(ask(request(http::Method::kPost, "/apps/%ff%00/events")), 404, "app_not_found");
  expect_error(ask(request(http::Method::kGet, "/" + std::string(5000, 'x'))), 404, "not_found");
}

TEST_F(PusherApiTest, BadBodies) {
  expect_error(post("/apps/1/events", "{"), 400, "invalid_input");
  expect_error(post("/apps/1/events", "{\"name\":\"\xff\"}"), 400, "invalid_input");
  expect_error(post("/apps/1/events", std::string(200, '[') + std::string(200, ']')), 400,
               "invalid_input");
  expect_error(post("/apps/1/events", "\"" + std::string(2 << 20, 'x') + "\""), 413,
               "payload_too_large");
  expect_error(post("/apps/1/batch_events", "{}"), 400, "invalid_input");
}

TEST_F(PusherApiTest, OverloadIsA503ThatMayBeTriedAgain) {
  channels_.status = channel::PublishStatus::kOverloaded;
  const http::Response response = post("/apps/1/events", kEvent);
  expect_error(response, 503, "backpressure");
  ASSERT_NE(response.header("Retry-After"), nullptr);
  EXPECT_EQ(*response.header("Retry-After"), "1");
  EXPECT_EQ(api_->counters().events, 0U);
}

TEST_F(PusherApiTest, WithoutTheBrokerA503SaysWhetherTheEventMayStillCome) {
  channels_.status = channel::PublishStatus::kCutOff;
  http::Response response = post("/apps/1/events", kEvent);
  expect_error(response, 503, "broker_unavailable");
  ASSERT_NE(response.header("Retry-After"), nullptr);
  channels_.status = channel::PublishStatus::kUnanswered;
  response = post("/apps/1/events", kEvent);
  expect_error(response, 503, "broker_unavailable");
  EXPECT_NE(response.body.find("still come"), std::string::npos);
}

TEST_F(PusherApiTest, ABroadcastGoesToAllToAUserOrToAChannel) {
  EXPECT_EQ(post("/apps/1/broadcast",
                 R"({"name":"e","data":{"a":1},"except":{"socket_id":"1.2","node":"n1"},)"
                 R"("priority":3})")
                .body,
            "{}");
  ASSERT_EQ(channels_.broadcasts.size(), 1U);
  const channel::BroadcastEvent& event = channels_.broadcasts.front();
  EXPECT_EQ(event.event, "e");
  EXPECT_EQ(event.data, R"("{\"a\":1}")");
  EXPECT_EQ(event.except, (model::SocketId{1, 2}));
  EXPECT_EQ(event.except_node, "n1");
  EXPECT_EQ(event.priority, model::kCriticalPriority);
  EXPECT_TRUE(channels_.published.empty());

  EXPECT_EQ(post("/apps/1/broadcast",
                 R"({"name":"e","data":"1","to":{"user":"u1"},"except":{"node":"n2"}})")
                .status,
            200);
  EXPECT_EQ(
      post("/apps/1/broadcast", R"({"name":"e","data":"1","to":{"channel":"c"},"priority":0})")
          .status,
      200);
  ASSERT_EQ(channels_.published.size(), 2U);
  EXPECT_EQ(channels_.published[0].channel.text(), "#server-to-user-u1");
  EXPECT_EQ(channels_.published[0].except_node, "n2");
  EXPECT_EQ(channels_.published[1].channel.text(), "c");
  EXPECT_EQ(channels_.published[1].priority, model::kLowPriority);
  EXPECT_EQ(api_->counters().events, 3U);
}

TEST_F(PusherApiTest, ABroadcastToAUserIsHighAndOthersAreUsualWithoutAPriority) {
  for (const char* to : {"", R"(,"to":{"channel":"c"})", R"(,"to":{"user":"u"})",
                         R"(,"to":{"user":"u"},"priority":1)"}) {
    const std::string body = R"({"name":"e","data":"1")" + std::string(to) + "}";
    ASSERT_EQ(post("/apps/1/broadcast", body.c_str()).status, 200) << body;
  }
  ASSERT_EQ(channels_.broadcasts.size(), 1U);
  EXPECT_EQ(channels_.broadcasts[0].priority, model::kUsualPriority);
  ASSERT_EQ(channels_.published.size(), 3U);
  EXPECT_EQ(channels_.published[0].priority, model::kUsualPriority);
  EXPECT_EQ(channels_.published[1].priority, model::kHighPriority);
  EXPECT_EQ(channels_.published[2].priority, model::kUsualPriority) << "as it was given";
}

TEST_F(PusherApiTest, APriorityThatIsNoneIsRefusedWithTheScale) {
  const http::Response refused =
      post("/apps/1/broadcast", R"({"name":"e","data":"1","priority":4})");
  expect_error(refused, 400, "invalid_input");
  EXPECT_NE(refused.body.find("0 (low), 1 (usual), 2 (high) or 3 (critical)"), std::string::npos)
      << refused.body;
}

TEST_F(PusherApiTest, AWrongBroadcastIsRefusedWithWhatItShouldBe) {
  for (const char* body :
       {R"({"name":"e","data":"1","to":"some"})", R"({"name":"e","data":"1","to":{}})",
        R"({"name":"e","data":"1","to":{"user":"u","channel":"c"}})",
        R"({"name":"e","data":"1","to":{"user":""}})",
        R"({"name":"e","data":"1","to":{"channel":"no name"}})",
        R"({"name":"e","data":"1","except":"n1"})", R"({"name":"e","data":"1","except":{}})",
        R"({"name":"e","data":"1","except":{"socket_id":"x"}})",
        R"({"name":"e","data":"1","priority":4})", R"({"name":"e","data":"1","priority":"0"})",
        R"({"name":"pusher:error","data":"1"})", R"({"data":"1"})"}) {
    expect_error(post("/apps/1/broadcast", body), 400, "invalid_input");
  }
  EXPECT_TRUE(channels_.broadcasts.empty());
}

TEST_F(PusherApiTest, TheLevelIsToldToWhoAsks) {
  constexpr const char* kAsking = R"({"name":"e","data":"1","channel":"c","info":"level"})";
  EXPECT_EQ(post("/apps/1/events", kAsking).body, R"({"level":"cluster"})");
  channels_.reach = channel::Reach::kHere;
  EXPECT_EQ(post("/apps/1/events", kAsking).body, R"({"level":"local"})");
  EXPECT_EQ(post("/apps/1/events", kEvent).body, "{}");
}

TEST_F(PusherApiTest, EventsOfABatchCountForTheRate) {
  app_options_.max_backend_events_per_second = 2;
  make_app(app_options_);
  EXPECT_EQ(post("/apps/1/batch_events", R"({"batch":[{"name":"e","data":"1","channel":"c"},)"
                                         R"({"name":"e","data":"2","channel":"d"}]})")
                .status,
            200);
  const http::Response refused = post("/apps/1/events", kEvent);
  expect_error(refused, 429, "rate_limited");
  EXPECT_NE(refused.header("Retry-After"), nullptr);
  clock_.elapsed = std::chrono::milliseconds(500);
  EXPECT_EQ(post("/apps/1/events", kEvent).status, 200);
}

TEST_F(PusherApiTest, AnswersMayComeLater) {
  channels_.answers_later = true;
  for (auto path : {"/apps/1/events", "/apps/1/users/u/terminate_connections"}) {
    EXPECT_FALSE(ask_for(signed_request(http::Method::kPost, path, kEvent)).has_value());
    channels_.run_waiting();
    ASSERT_TRUE(last_->has_value());
    EXPECT_EQ((*last_)->body, "{}");
  }
  for (auto path :
       {"/apps/1/channels", "/apps/1/channels/c", "/apps/1/channels/presence-c/users"}) {
    EXPECT_FALSE(ask_for(signed_request(http::Method::kGet, path)).has_value());
    channels_.run_waiting();
    ASSERT_TRUE(last_->has_value());
    EXPECT_EQ((*last_)->status, 200);
  }
}

TEST_F(PusherApiTest, AnIdempotencyKeyPublishesOnce) {
  const std::string body = R"({"name":"e","data":"d","channel":"c","idempotency_key":"k",)"
                           R"("info":"subscription_count"})";
  const std::string answer = R"({"channels":{"c":{"subscription_count":3}}})";
  EXPECT_EQ(post("/apps/1/events", body).body, answer);
  EXPECT_EQ(post("/apps/1/events", body).body, answer);
  EXPECT_EQ(channels_.published.size(), 1U);
  EXPECT_EQ(api_->counters().repeated, 1U);
  http::Request by_header = signed_request(http::Method::kPost, "/apps/1/events", kEvent);
  by_header.headers.push_back({"x-idempotency-key", "k"});
  EXPECT_EQ(ask(by_header).body, answer);
  by_header.headers.back().value = "other";
  EXPECT_EQ(ask(by_header).body, "{}");
  EXPECT_EQ(channels_.published.size(), 2U);
}

// An empty X-Idempotency-Key switched the body's key off.
TEST_F(PusherApiTest, AnEmptyKeyHeaderLeavesTheBodysKey) {
  for (int i = 0; i < 2; ++i) {
    auto r = signed_request(http::Method::kPost, "/apps/1/events",
                            R"({"name":"e","channel":"c","data":"d","idempotency_key":"k"})");
    r.headers.push_back({"x-idempotency-key", ""});
    EXPECT_EQ(ask(std::move(r)).status, 200);
  }
  EXPECT_EQ(channels_.published.size(), 1U);
}

TEST_F(PusherApiTest, AHeadIsRefusedWithoutItsBody) {
  make_api({});
  const auto head_of = [](http::Request r) {
    r.body.clear();
    return r;
  };
  const std::string body = R"({"name":"e","channel":"c","data":"d"})";
  const auto good = signed_request(http::Method::kPost, "/apps/1/events", body);
  EXPECT_FALSE(api_->refuse_head(head_of(good)).has_value());
  EXPECT_FALSE(api_->refuse_head(request(http::Method::kOptions, "/apps/1/events")).has_value());
  const auto status_of = [&](const http::Request& r) {
    const auto answer = api_->refuse_head(head_of(r));
    return answer ? answer->status : 0;
  };
  EXPECT_EQ(status_of(request(http::Method::kPost, "/nope", body)), 404);
  EXPECT_EQ(status_of(request(http::Method::kPut, "/apps/1/events", body)), 405);
  EXPECT_EQ(status_of(request(http::Method::kPost, "/apps/1/events", body)), 401);
  EXPECT_EQ(status_of(request(http::Method::kPost, "/apps/none/events", body)), 404);
  auto forged = good;
  forged.query += "0";
  EXPECT_EQ(status_of(forged), 401);
  clock_.elapsed += std::chrono::seconds(700);
  EXPECT_EQ(status_of(good), 401) << "stale";
  EXPECT_TRUE(channels_.published.empty());
}

TEST_F(PusherApiTest, AFailedRequestFreesItsKey) {
  const std::string body = R"({"name":"e","data":"d","channel":"c","idempotency_key":"k"})";
  channels_.status = channel::PublishStatus::kOverloaded;
  EXPECT_EQ(post("/apps/1/events", body).status, 503);
  EXPECT_TRUE(channels_.answers.empty());
  channels_.status = channel::PublishStatus::kReleased;
  EXPECT_EQ(post("/apps/1/events", body).status, 200);
}

TEST_F(PusherApiTest, AKeyStillInFlightIsA503) {
  channels_.answers["key:k"] = "";
  const http::Response response =
      post("/apps/1/events", R"({"name":"e","data":"d","channel":"c","idempotency_key":"k"})");
  expect_error(response, 503, "backpressure");
  EXPECT_EQ(channels_.answers.size(), 1U) << "the first caller's key is not ours to free";
}

TEST_F(PusherApiTest, KeysHaveALengthAndASwitch) {
  const auto with_key = [](std::size_t n) {
    return R"({"name":"e","data":"d","channel":"c","idempotency_key":")" + std::string(n, 'k') +
           "\"}";
  };
  EXPECT_EQ(post("/apps/1/events", with_key(128)).status, 200);
  expect_error(post("/apps/1/events", with_key(129)), 400, "invalid_input");
  Options off;
  off.idempotency = false;
  make_api(off);
  EXPECT_EQ(post("/apps/1/events", with_key(129)).status, 200);
  EXPECT_EQ(post("/apps/1/events", with_key(129)).status, 200);
  EXPECT_EQ(channels_.published.size(), 3U);
}

TEST_F(PusherApiTest, IdenticalRequestsAreTwoEventsByDefault) {
  const http::Request twice = signed_request(http::Method::kPost, "/apps/1/events", kEvent);
  EXPECT_EQ(ask(twice).status, 200);
  EXPECT_EQ(ask(twice).status, 200);
  EXPECT_EQ(channels_.published.size(), 2U);
}

TEST_F(PusherApiTest, AReplayIsAnsweredWithoutEffectWhenToldSo) {
  Options options;
  options.replay_cache = true;
  make_api(options);
  const http::Request twice = signed_request(
      http::Method::kPost, "/apps/1/events",
      R"({"name":"e","data":"d","channel":"c","info":"subscription_count","idempotency_key":"k"})");
  const http::Response first = ask(twice);
  const http::Response second = ask(twice);
  EXPECT_EQ(first.status, 200);
  EXPECT_EQ(second.status, 200);
  EXPECT_EQ(second.body, first.body);
  EXPECT_EQ(channels_.published.size(), 1U);
  EXPECT_EQ(channels_.answers.size(), 2U) << "the signature and the key";
  const http::Request end =
      signed_request(http::Method::kPost, "/apps/1/users/u/terminate_connections");
  ask(end);
  ask(end);
  EXPECT_EQ(channels_.terminated.size(), 1U);
  const http::Request read = signed_request(http::Method::kGet, "/apps/1/channels");
  ask(read);
  ask(read);
  EXPECT_EQ(api_->counters().queries, 2U) << "reads change nothing and are not kept";
}

TEST_F(PusherApiTest, CrossOriginRequests) {
  http::Request options = request(http::Method::kOptions, "/apps/1/events");
  options.headers.push_back({"origin", "https://a.example"});
  const http::Response preflight = ask(options);
  EXPECT_EQ(preflight.status, 204);
  EXPECT_NE(preflight.header("Access-Control-Allow-Methods"), nullptr);
  http::Request post_request = signed_request(http::Method::kPost, "/apps/1/events", kEvent);
  post_request.headers.push_back({"origin", "https://a.example"});
  EXPECT_NE(ask(post_request).header("Access-Control-Allow-Origin"), nullptr);
  post_request.body = "changed";
  const http::Response refused = ask(post_request);
  EXPECT_EQ(refused.status, 401);
  EXPECT_NE(refused.header("Access-Control-Allow-Origin"), nullptr);
}

}  // namespace
}  // namespace mr::api
