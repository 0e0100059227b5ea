#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "api/pusher_api.h"
#include "crypto/hmac.h"
#include "pusher/rest_auth.h"

namespace mr::api {

class TestClock final : public base::Clock {
 public:
  base::TimePoint now() const override { return base::TimePoint(elapsed); }
  base::WallTime wall_now() const override {
    return base::WallTime(std::chrono::seconds(1'700'000'000)) + elapsed;
  }
  base::Duration elapsed{0};
};

// Answers at once, or when told to. Channels exist as far as a test put them in.
class FakeChannels final : public channel::Service {
 public:
  void publish(model::AppRef, std::vector<channel::PublishEvent> events,
               base::Function<void(channel::PublishOutcome)> done) override {
    channel::PublishOutcome outcome;
    outcome.status = status;
    outcome.reach = reach;
    for (auto& event : events) {
      outcome.counts.push_back({event.channel.text(), 3, 2});
      published.push_back(std::move(event));
    }
    later([done = std::move(done), outcome]() mutable { done(outcome); });
  }
  void broadcast(model::AppRef, channel::BroadcastEvent event,
                 base::Function<void(channel::PublishOutcome)> done) override {
    broadcasts.push_back(std::move(event));
    later([done = std::move(done), outcome = channel::PublishOutcome{status, {}, reach}]() mutable {
      done(outcome);
    });
  }
  void list_channels(model::AppRef, std::string prefix,
                     base::Function<void(std::vector<channel::ChannelCounts>)> done) override {
    std::vector<channel::ChannelCounts> found;
    for (const auto& [name, state] : channels) {
      if (name.starts_with(prefix)) found.push_back(state.counts);
    }
    later([done = std::move(done), found]() mutable { done(found); });
  }
  void find_channel(model::AppRef, model::ChannelName channel,
                    base::Function<void(channel::ChannelState)> done) override {
    const auto found = channels.find(channel.text());
    const channel::ChannelState state =
        found != channels.end() ? found->second : channel::ChannelState{};
    later([done = std::move(done), state]() mutable { done(state); });
  }
  void list_users(model::AppRef, model::ChannelName,
                  base::Function<void(std::vector<std::string>)> done) override {
    later([done = std::move(done), found = users]() mutable { done(found); });
  }
  void terminate_user(model::AppRef, std::string user_id,
                      base::Function<void(std::uint32_t)> done) override {
    terminated.push_back(std::move(user_id));
    later([done = std::move(done)]() mutable { done(1); });
  }
  void begin_idempotent(model::AppRef, std::string key,
                        base::Function<void(Idempotent)> done) override {
    const auto [found, is_new] = answers.try_emplace(std::move(key));
    Idempotent begun{is_new, found->second};
    later([done = std::move(done), begun]() mutable { done(begun); });
  }
  void settle_idempotent(model::AppRef, std::string key, std::string answer) override {
    if (answer.empty()) {
      answers.erase(key);
    } else {
      answers[key] = std::move(answer);
    }
  }

  void run_waiting() {
    while (!waiting.empty()) {
      std::vector<base::Task> tasks = std::exchange(waiting, {});
      for (base::Task& task : tasks) task();
    }
  }

  channel::PublishStatus status = channel::PublishStatus::kReleased;
  std::vector<channel::BroadcastEvent> broadcasts;
  channel::Reach reach = channel::Reach::kAll;
  std::map<std::string, channel::ChannelState> channels;
  std::vector<std::string> users;
  std::map<std::string, std::string> answers;
  std::vector<channel::PublishEvent> published;
  std::vector<std::string> terminated;
  bool answers_later = false;
  std::vector<base::Task> waiting;

 private:
  void later(base::Task task) {
    if (answers_later) {
      waiting.push_back(std::move(task));
    } else {
      task();
    }
  }
};

class FakeApps final : public model::AppStore {
 public:
  void find_by_key(std::string_view key, Found found) override {
    for (const auto& app : apps) {
      if (app->options.key == key) return found(app);
    }
    found(nullptr);
  }
  void find_by_id(std::string_view id, Found found) override {
    for (const auto& app : apps) {
      if (app->options.id == id) return found(app);
    }
    found(nullptr);
  }
  std::vector<model::AppRef> apps;
};

// A PusherApi for the app "1" (and whatever a test adds), asked with signed requests.
class ApiFixture : public testing::Test {
 protected:
  ApiFixture() {
    app_options_.id = "1";
    app_options_.key = "key-1";
    app_options_.secret = "secret-1";
    make_app(app_options_);
  }

  void make_app(const model::AppOptions& options) {
    std::erase_if(apps_.apps, [&](const auto& app) { return app->options.id == options.id; });
    apps_.apps.push_back(base::make_ref<const model::App>(options));
  }
  void make_api(const Options& options) {
    api_ = std::make_unique<PusherApi>(PusherApi::Surroundings{channels_, apps_, parser_, clock_},
                                       options, 1);
  }

  // As the parser would give it.
  static http::Request request(http::Method method, std::string_view target,
                               std::string_view body = {}) {
    http::Request r;
    r.method = method;
    r.method_text = http::to_text(method);
    r.target = target;
    const std::size_t mark = target.find('?');
    r.path = target.substr(0, mark);
    if (mark != std::string_view::npos) r.query = target.substr(mark + 1);
    r.body = body;
    return r;
  }
  http::Request signed_request(http::Method method, std::string_view path,
                               std::string_view body = {},
                               const pusher::Parameters& parameters = {}) {
    const auto app = base::make_ref<const model::App>(app_options_);
    crypto::HmacSha256 hmac(app_options_.secret);
    const std::string target = pusher::sign_rest_path(
        *app, hmac, {http::to_text(method), path, parameters, body}, clock_.wall_now());
    return request(method, target, body);
  }

  // The answer, if it came within the call.
  std::optional<http::Response> ask_for(http::Request r) {
    if (!api_) make_api({});
    auto answer = std::make_shared<std::optional<http::Response>>();
    api_->handle(std::move(r),
                 http::Responder([answer](http::Response response) { *answer = response; }));
    last_ = answer;
    return *answer;
  }
  http::Response ask(http::Request r) {
    auto answer = ask_for(std::move(r));
    EXPECT_TRUE(answer.has_value());
    return answer.value_or(http::Response{});
  }
  http::Response post(std::string_view path, std::string_view body) {
    return ask(signed_request(http::Method::kPost, path, body));
  }
  http::Response get(std::string_view path, const pusher::Parameters& parameters = {}) {
    return ask(signed_request(http::Method::kGet, path, {}, parameters));
  }

  static void expect_error(const http::Response& response, int status, std::string_view slug) {
    EXPECT_EQ(response.status, status) << response.body;
    EXPECT_NE(response.body.find("\"code\":\"" + std::string(slug) +
                                 "\",\"status\":" + std::to_string(status) + "}"),
              std::string::npos)
        << response.body;
    EXPECT_NE(response.body.find("; "), std::string::npos) << "no remedy: " << response.body;
    EXPECT_EQ(response.body.find("secret-1"), std::string::npos);
    json::Parser parser(1 << 20);
    EXPECT_TRUE(parser.parse(response.body).ok()) << response.body;
  }

  TestClock clock_;
  FakeChannels channels_;
  FakeApps apps_;
  json::Parser parser_{1 << 20};
  model::AppOptions app_options_;
  std::unique_ptr<PusherApi> api_;
  std::shared_ptr<std::optional<http::Response>> last_;
};

}  // namespace mr::api
