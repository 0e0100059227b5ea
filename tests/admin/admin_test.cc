#include "api/admin/admin.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <sstream>

#include "json/parser.h"
#include "peers.h"
#include "support/secret_grep.h"

namespace mr::api {
namespace {

using http::Method;
using http::Response;
using observability::NodeState;
using test::kFar;
using test::kNear;

class StillClock final : public base::Clock {
 public:
  base::TimePoint now() const override { return {}; }
  base::WallTime wall_now() const override { return {}; }
};

class TextTarget final : public observability::LogTarget {
 public:
  explicit TextTarget(std::string& to) : to_(to) {}
  std::size_t write(std::string_view lines) override {
    to_ += lines;
    return lines.size();
  }
  bool reopen() override { return true; }
  bool is_terminal() const override { return false; }
  bool takes_color() const override { return false; }

 private:
  std::string& to_;
};

class SetHealth final : public observability::HealthSource {
 public:
  observability::NodeHealth health() const override { return now; }
  observability::NodeHealth now{NodeState::kReady, "", false, true, {}, {std::chrono::seconds(0)}};
};

// Keeps the continuation, as a node does that asks its loops.
class LateGauges final : public observability::GaugeSource {
 public:
  void collect(Gathered done) override {
    if (is_late) {
      waiting = std::move(done);
    } else {
      done({{"millrace_connections", "Open connections.", {{"app", "a\"}\n"}}, 3}});
    }
  }
  bool is_late = false;
  Gathered waiting;
};

class TwoApps final : public model::AppStore {
 public:
  void find_by_key(std::string_view, Found found) override { found({}); }
  void find_by_id(std::string_view id, Found found) override {
    if (id != "on" && id != "off") return found({});
    model::AppOptions options;
    options.id = id;
    options.enabled = id == "on";
    found(model::AppRef(base::make_ref<model::App>(options)));
  }
};

class AdminTest : public ::testing::Test {
 protected:
  AdminTest() { options_.token = kToken; }

  Admin& admin() {
    if (!admin_) {
      admin_.emplace(options_, AdminSources{health_, gauges_, registry_, log_, apps_});
    }
    return *admin_;
  }
  // Nothing: the path is not one of the Admin's.
  std::optional<Response> send(const http::Request& request) {
    std::optional<Response> answer;
    bool is_ours = false;
    {
      http::Responder responder([&](Response given) { answer = std::move(given); });
      is_ours = admin().try_answer(request, responder);
      EXPECT_EQ(static_cast<bool>(responder), !is_ours) << "taken exactly when it is ours";
      if (!is_ours) responder.answer({});
    }
    if (!is_ours) answer.reset();
    return answer;
  }
  std::optional<Response> get(const std::string& target) { return send(test::ask(target, kFar)); }
  int status(const std::string& target) {
    const auto answer = get(target);
    return answer ? answer->status : 0;
  }
  std::string body(const std::string& target) { return get(target).value_or(Response{}).body; }
  std::optional<Response> put_levels(const std::string& text, const net::PeerAddress& peer,
                                     std::vector<http::Header> headers = {}) {
    http::Request request = test::ask("/admin/log-level", peer, std::move(headers));
    request.method = Method::kPut;
    request.method_text = "PUT";
    request.body = text;
    return send(request);
  }
  void be_operators() { options_.serve = Listener::kMetrics; }

  static constexpr const char* kToken = "admin-token-of-the-test";
  StillClock clock_;
  std::string log_text_;
  observability::Log log_{{}, clock_, std::make_unique<TextTarget>(log_text_)};
  observability::Registry registry_;
  SetHealth health_;
  LateGauges gauges_;
  TwoApps apps_;
  AdminOptions options_;
  std::optional<Admin> admin_;
};

TEST_F(AdminTest, RootSaysOk) {
  EXPECT_EQ(status("/"), 200);
  EXPECT_EQ(body("/"), "OK");
}

TEST_F(AdminTest, EveryProbeIsGoodOnAReadyNode) {
  for (const char* path : {"/health", "/health/live", "/health/ready", "/live", "/livez", "/ready",
                           "/readyz", "/startupz", "/up", "/up/on", "/accept-traffic", "/ready/"}) {
    const auto answer = get(path);
    ASSERT_TRUE(answer.has_value()) << path;
    EXPECT_EQ(answer->status, 200) << path;
    EXPECT_EQ(answer->content_type, "application/json") << path;
    json::Parser parser(64 * 1024);
    const auto parsed = parser.parse(answer->body);
    ASSERT_TRUE(parsed.ok()) << path << ": " << answer->body;
    EXPECT_TRUE(parsed.value().member("status").has_value()) << path;
    ASSERT_FALSE(answer->headers.empty());
    EXPECT_EQ(answer->headers[0].value, "no-store") << path;
  }
}

TEST_F(AdminTest, AStartingNodeIsLiveAndNotReady) {
  health_.now.state = NodeState::kStarting;
  EXPECT_EQ(status("/livez"), 200);
  for (const char* path : {"/ready", "/health", "/up", "/startupz", "/accept-traffic", "/up/on"}) {
    EXPECT_EQ(status(path), 503) << path;
    EXPECT_EQ(body(path), R"({"status":"starting"})") << path;
  }
}

TEST_F(AdminTest, ADrainingNodeIsLiveStartedAndNotReady) {
  health_.now.state = NodeState::kDraining;
  EXPECT_EQ(status("/live"), 200);
  EXPECT_EQ(status("/startupz"), 200);
  EXPECT_EQ(status("/ready"), 503);
  EXPECT_EQ(body("/ready"), R"({"status":"draining"})");
  EXPECT_EQ(status("/accept-traffic"), 503);
}

TEST_F(AdminTest, ADegradedNodeIsReadyUnlessAskedStrictly) {
  health_.now.state = NodeState::kDegraded;
  health_.now.reason = "redis unreachable";
  EXPECT_EQ(status("/ready"), 200);
  EXPECT_EQ(body("/ready"), R"({"status":"degraded","reason":"redis unreachable"})");
  EXPECT_EQ(status("/ready?strict=1"), 503);
  EXPECT_EQ(status("/ready?a=b&strict=true"), 503);
  EXPECT_EQ(status("/ready?strict=0"), 200);
  EXPECT_EQ(status("/ready?strict=%zz"), 200) << "a broken query asks for nothing";
  EXPECT_EQ(status("/live?strict=1"), 200);
  health_.now.state = NodeState::kReady;
  EXPECT_EQ(status("/ready?strict=1"), 200);
}

TEST_F(AdminTest, AStuckLoopFailsLivenessAndReadiness) {
  health_.now.loop_ages = {std::chrono::seconds(1), std::chrono::seconds(11)};
  EXPECT_EQ(status("/live"), 503);
  EXPECT_EQ(body("/live"), R"({"status":"stuck","stuck_loops":[1]})");
  EXPECT_EQ(status("/ready"), 503);
  health_.now.loop_ages[1] = std::chrono::seconds(10);
  EXPECT_EQ(status("/live"), 200);
}

TEST_F(AdminTest, UpOfAnApp) {
  EXPECT_EQ(status("/up/on"), 200);
  EXPECT_EQ(status("/up/off"), 503);
  EXPECT_EQ(body("/up/off"), R"({"status":"disabled"})");
  EXPECT_EQ(status("/up/none"), 404);
}

TEST_F(AdminTest, AcceptTrafficStopsAtTheMemoryLimit) {
  options_.accept_traffic_memory_percent_max = 100;
  EXPECT_EQ(status("/accept-traffic"), 200);
  EXPECT_NE(body("/accept-traffic").find(R"("status":"ready","memory_percent":)"),
            std::string::npos);
  admin_.reset();
  options_.accept_traffic_memory_percent_max = 0;  // this process uses more than nothing
  EXPECT_EQ(status("/accept-traffic"), 503);
  EXPECT_NE(body("/accept-traffic").find(R"("status":"memory")"), std::string::npos);
}

TEST_F(AdminTest, UsageHasTheMemory) {
  json::Parser parser(64 * 1024);
  const std::string text = body("/usage");
  const auto parsed = parser.parse(text);
  ASSERT_TRUE(parsed.ok()) << text;
  const auto memory = parsed.value().member("memory");
  ASSERT_TRUE(memory.has_value());
  const auto used = memory->member("used")->as_uint().value();
  EXPECT_GT(used, 100'000U);
  EXPECT_EQ(used + memory->member("free")->as_uint().value(),
            memory->member("total")->as_uint().value());
}

TEST_F(AdminTest, UsageCanBeHiddenFromThePublic) {
  options_.usage_enabled = false;
  EXPECT_EQ(status("/usage"), 0);
  admin_.reset();
  be_operators();
  EXPECT_EQ(status("/usage"), 200);
}

TEST_F(AdminTest, HeadIsAnsweredLikeGet) {
  http::Request request = test::ask("/ready", kFar);
  request.method = Method::kHead;
  EXPECT_EQ(send(request)->status, 200);
}

TEST_F(AdminTest, AnotherMethodNamesTheAllowedOnes) {
  http::Request request = test::ask("/ready", kFar);
  request.method = Method::kPost;
  request.method_text = "POST";
  const auto answer = send(request);
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->status, 405);
  bool has_allow = false;
  for (const auto& header : answer->headers) has_allow |= header.name == "Allow";
  EXPECT_TRUE(has_allow);
}

TEST_F(AdminTest, OtherPathsAreLeftAlone) {
  for (const char* path :
       {"/apps/1/events", "/app/key", "/healthy", "/up/a/b", "/%zz", "/metric"}) {
    EXPECT_FALSE(get(path).has_value()) << path;
  }
}

TEST_F(AdminTest, MetricsAndAdminDoNotExistOnThePublicListener) {
  EXPECT_FALSE(get("/metrics").has_value());
  EXPECT_FALSE(send(test::ask("/admin/log-level", kNear)).has_value());
  EXPECT_FALSE(put_levels("debug", kNear).has_value());
}

TEST_F(AdminTest, MetricsHaveCountersGaugesLogAndProcess) {
  be_operators();
  registry_.add_set().counter("millrace_messages_total", "Messages.").add(5);
  const auto answer = get("/metrics");
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->content_type, "text/plain; version=0.0.4; charset=utf-8");
  for (const char* line :
       {"\nmillrace_messages_total 5\n", "\nmillrace_connections{app=\"a\\\"}\\n\"} 3\n",
        "\nmillrace_log_lines_dropped_total 0\n", "\nprocess_open_fds "}) {
    EXPECT_NE(answer->body.find(line), std::string::npos) << line << "\n" << answer->body;
  }
  std::istringstream lines(answer->body);
  for (std::string line; std::getline(lines, line);) {
    const std::string name = line.starts_with("# ") ? line.substr(line.find(' ', 2) + 1) : line;
    EXPECT_TRUE(name.starts_with("millrace_") || name.starts_with("process_")) << line;
  }
}

TEST_F(AdminTest, MetricsWaitForTheLoops) {
  be_operators();
  gauges_.is_late = true;
  std::optional<Response> answer;
  http::Responder responder([&](Response given) { answer = std::move(given); });
  ASSERT_TRUE(admin().try_answer(test::ask("/metrics", kFar), responder));
  EXPECT_FALSE(answer.has_value());
  gauges_.waiting({});
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->status, 200);
}

TEST_F(AdminTest, ASourceThatGivesUpIsA500) {
  be_operators();
  gauges_.is_late = true;
  std::optional<Response> answer;
  http::Responder responder([&](Response given) { answer = std::move(given); });
  ASSERT_TRUE(admin().try_answer(test::ask("/metrics", kFar), responder));
  gauges_.waiting = nullptr;
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->status, 500);
}

TEST_F(AdminTest, MetricsCanBeSwitchedOff) {
  be_operators();
  options_.metrics_enabled = false;
  EXPECT_EQ(status("/metrics"), 404);
  EXPECT_NE(body("/metrics").find("metrics.enabled"), std::string::npos);
  EXPECT_EQ(status("/ready"), 200);
}

TEST_F(AdminTest, LogLevelsAreReadAndSet) {
  be_operators();
  const observability::Logger delta(log_, "delta");
  EXPECT_EQ(send(test::ask("/admin/log-level", kNear))->body,
            R"({"levels":"info","components":{"admin":"info","delta":"info"}})");
  const auto answer = put_levels("info,delta=debug\n", kNear);
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->body,
            R"({"levels":"info,delta=debug","components":{"admin":"info","delta":"debug"}})");
  EXPECT_TRUE(delta.enabled(observability::Level::kDebug));
  EXPECT_NE(log_text_.find(R"("msg":"log levels changed","levels":"info,delta=debug")"),
            std::string::npos);
}

TEST_F(AdminTest, BadLevelsChangeNothingAndNameTheRemedy) {
  be_operators();
  for (const char* text : {"", "loud", "info,\"=debug", "\xff\x1b"}) {
    const auto answer = put_levels(text, kNear);
    EXPECT_EQ(answer->status, 400) << text;
    json::Parser parser(64 * 1024);
    EXPECT_TRUE(parser.parse(answer->body).ok()) << answer->body;
    EXPECT_NE(answer->body.find("e.g. info,session=debug"), std::string::npos) << answer->body;
  }
  EXPECT_EQ(log_.levels().to_text(), "info");
}

TEST_F(AdminTest, AComponentThatDoesNotExistIsRefused) {
  be_operators();
  const auto answer = put_levels("info,sesion=debug", kNear);
  EXPECT_EQ(answer->status, 400);
  EXPECT_NE(answer->body.find("did you mean session?"), std::string::npos) << answer->body;
  EXPECT_EQ(put_levels("nope=debug", kNear)->status, 400);
  EXPECT_EQ(log_.levels().to_text(), "info");
  EXPECT_EQ(put_levels("info,session=debug", kNear)->status, 200);
}

TEST_F(AdminTest, StrangersNeedTheToken) {
  be_operators();
  EXPECT_EQ(put_levels("debug", kFar)->status, 401);
  EXPECT_EQ(put_levels("debug", kFar, {{"authorization", "Bearer wrong"}})->status, 401);
  EXPECT_EQ(put_levels("debug", kNear, {{"host", "evil.example"}})->status, 403);
  EXPECT_EQ(send(test::ask("/admin/log-level", kFar))->status, 401);
  EXPECT_EQ(log_.levels().to_text(), "info");
  EXPECT_EQ(put_levels("debug", kFar, {{"authorization", std::string("Bearer ") + kToken}})->status,
            200);
  EXPECT_EQ(log_.levels().to_text(), "debug");
  const std::string text = registry_.render({});
  EXPECT_NE(text.find("millrace_admin_refused_total{reason=\"token_needed\"} 2"), text.npos)
      << text;
  EXPECT_NE(text.find("millrace_admin_refused_total{reason=\"token_wrong\"} 1"), text.npos);
  EXPECT_NE(text.find("millrace_admin_refused_total{reason=\"foreign_host\"} 1"), text.npos);
}

TEST_F(AdminTest, TheTokenIsInNoAnswerMetricOrLogLine) {
  be_operators();
  std::string all;
  const auto keep = [&](const std::optional<Response>& answer) {
    ASSERT_TRUE(answer.has_value());
    all += answer->body;
    for (const auto& header : answer->headers) all += header.value;
  };
  const std::string right = std::string("Bearer ") + kToken;
  keep(put_levels("trace", kFar, {{"authorization", right}}));
  keep(put_levels("loud", kFar, {{"authorization", right}}));
  keep(put_levels("info", kFar, {{"authorization", right + "x"}}));
  keep(get("/metrics"));
  keep(get("/usage"));
  keep(get("/health"));
  EXPECT_EQ(test::describe(test::grep_secrets(all + log_text_, {kToken})), "");
}

TEST_F(AdminTest, TheMetricsListenerAnswersEverything) {
  be_operators();
  AdminService service(admin());
  Response answer;
  const auto responder = [&] {
    return http::Responder([&](Response given) { answer = std::move(given); });
  };
  service.on_request(test::ask("/ready", kFar), responder());
  EXPECT_EQ(answer.status, 200);
  service.on_request(test::ask("/apps/1/events", kFar), responder());
  EXPECT_EQ(answer.status, 404);
  EXPECT_FALSE(service.on_upgrade(test::ask("/app/key", kFar), net::SocketHandle::kNone, kFar, "",
                                  responder()));
  EXPECT_EQ(answer.status, 404);
}

}  // namespace
}  // namespace mr::api
