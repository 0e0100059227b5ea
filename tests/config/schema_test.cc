#include "config/schema.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "config/loading.h"
#include "config/suggest.h"

namespace mr::config {
namespace {

// A valid value that is not the default, as JSON.
std::string other_value(const Key& key, const Value& now) {
  if (const auto* flag = std::get_if<bool>(&now)) return *flag ? "false" : "true";
  if (const auto* integer = std::get_if<std::int64_t>(&now)) {
    return std::to_string(static_cast<double>(*integer) + 1 <= key.max ? *integer + 1
                                                                       : *integer - 1);
  }
  if (const auto* number = std::get_if<double>(&now)) return to_json(Value(*number + 0.5));
  if (std::holds_alternative<std::vector<std::string>>(now)) return "[\"x.example\"]";
  if (std::holds_alternative<std::vector<model::DeltaPattern>>(now)) {
    return R"({"x.example": {"enabled": false}})";
  }
  if (key.type == Type::kChoice) return quote(words(key.choices).back());
  if (key.type == Type::kAddress) return "\"::1\"";
  return key.path == "log.level" ? "\"debug\"" : "\"other\"";
}

TEST(SchemaTest, EveryAvailableKeyChangesTheSettings) {
  for (const Key& key : all_keys()) {
    if (key.since != Since::kAvailable || key.type == Type::kApps || key.is_app_key()) continue;
    ASSERT_NE(key.get, nullptr) << key.path;
    const Value before = key.get(load(make_input({})).settings);
    const std::string text = other_value(key, before);
    const std::string raw = text.starts_with('"') ? text.substr(1, text.size() - 2) : text;
    // A user of Redis, its sentinels or NATS has a password.
    Environment environment = {{"DATABASE_REDIS_PASSWORD", "p"},
                               {"DATABASE_REDIS_SENTINEL_PASSWORD", "p"},
                               {"NATS_PASSWORD", "p"}};
    if (key.path == "delta_compression.cluster_coordination") {
      environment["ADAPTER_DRIVER"] = "redis";
      environment["MILLRACE__DELTA_COMPRESSION__CONFLATION_KEY_PATH"] = "symbol";
    }
    // What belongs to TLS needs it on, a certificate its key.
    if (key.path.find(".tls.") != key.path.npos && !key.path.ends_with(".enabled")) {
      const std::string broker = key.path.starts_with("adapter.nats") ? "NATS" : "DATABASE_REDIS";
      environment[broker + "_TLS_ENABLED"] = "true";
      if (key.path.ends_with("cert_file")) environment[broker + "_TLS_KEY_FILE"] = "other";
      if (key.path.ends_with("key_file")) environment[broker + "_TLS_CERT_FILE"] = "other";
    }
    const LoadOutcome outcome = load(
        make_input({"--set", std::string(key.path) + "=" + raw}, environment, {{"other", ""}}));
    EXPECT_EQ(joined(outcome.errors), "") << key.path << " = " << text;
    EXPECT_EQ(to_json(key.get(outcome.settings)), text) << key.path;
    EXPECT_EQ(origin_of(outcome, std::string(key.path)), "--set " + std::string(key.path));
    for (const std::string_view alias : words(key.aliases)) {
      const LoadOutcome by_alias = load(make_input({"--set", std::string(alias) + "=" + raw}));
      EXPECT_EQ(to_json(key.get(by_alias.settings)), text) << alias;
    }
    for (const std::string_view name : words(key.env)) {
      const LoadOutcome by_env = load(make_input({}, {{std::string(name), raw}}));
      EXPECT_EQ(to_json(key.get(by_env.settings)), text) << name;
    }
    if (key.flag.empty()) continue;
    const LoadOutcome by_flag = load(make_input({std::string(key.flag), raw}));
    EXPECT_EQ(to_json(key.get(by_flag.settings)), text) << key.flag;
  }
}

TEST(SchemaTest, EveryAppKeyChangesTheApp) {
  for (const Key& key : all_keys()) {
    if (key.since != Since::kAvailable || !key.is_app_key()) continue;
    ASSERT_NE(key.get_app, nullptr) << key.path;
    const std::string text = other_value(key, key.get_app(model::AppOptions{}));
    const std::string member(key.path.substr(7));
    std::string app = "{\"" + member + "\": " + text;
    for (const char* needed : {"id", "key", "secret"}) {
      if (member != needed) app += std::string(", \"") + needed + "\": \"n\"";
    }
    const LoadOutcome outcome = load_text("{\"apps\": [" + app + "}]}");
    EXPECT_EQ(joined(outcome.errors), "") << key.path;
    ASSERT_EQ(outcome.settings.apps.size(), 1U);
    EXPECT_EQ(to_json(key.get_app(outcome.settings.apps[0])), text) << key.path;
  }
}

TEST(SchemaTest, BoundsAreKept) {
  for (const Key& key : all_keys()) {
    if (key.get == nullptr || !std::isfinite(key.max)) continue;
    const bool is_integer = key.type == Type::kInteger;
    for (const double bad : {key.min - 1, key.max + 1}) {
      const Value value = is_integer ? Value(static_cast<std::int64_t>(bad)) : Value(bad);
      const std::string text = std::string(key.path) + "=" + to_json(value);
      const LoadOutcome outcome = load(make_input({"--set", text}));
      EXPECT_NE(joined(outcome.errors).find("must be between"), std::string::npos) << text;
    }
    const Value value = key.get(Settings{});
    const double number =
        is_integer ? static_cast<double>(std::get<std::int64_t>(value)) : std::get<double>(value);
    EXPECT_GE(number, key.min) << key.path;
    EXPECT_LE(number, key.max) << key.path;
  }
}

TEST(SchemaTest, NumbersHaveBoundsAndRowsHaveTexts) {
  for (const Key& key : all_keys()) {
    EXPECT_TRUE(key.text.ends_with(".")) << key.path;
    const bool is_number = key.type == Type::kInteger || key.type == Type::kNumber;
    if (is_number) {
      EXPECT_TRUE(std::isfinite(key.min) && std::isfinite(key.max)) << key.path;
    }
  }
}

TEST(SchemaTest, NamesAreUnique) {
  std::set<std::string_view> paths;
  std::set<std::string_view> env;
  std::set<std::string_view> flags;
  for (const Key& key : all_keys()) {
    EXPECT_TRUE(paths.insert(key.path).second) << key.path;
    for (const auto alias : words(key.aliases)) EXPECT_TRUE(paths.insert(alias).second) << alias;
    for (const auto name : words(key.env)) EXPECT_TRUE(env.insert(name).second) << name;
    if (!key.flag.empty()) {
      EXPECT_TRUE(flags.insert(key.flag).second) << key.flag;
    }
  }
  EXPECT_NE(find_env("PORT"), nullptr);
  EXPECT_EQ(find_env("NO_SUCH"), nullptr);
}

TEST(SchemaTest, FractionsOfSecondsAreKept) {
  const LoadOutcome outcome = load(make_input({"--set", "shutdown_grace_period=0.25"}));
  EXPECT_EQ(outcome.settings.shutdown_grace_period, std::chrono::milliseconds(250));
  EXPECT_EQ(load(make_input({})).settings.shutdown_grace_period, std::chrono::seconds(15));
}

TEST(SchemaTest, UnitsAreScaled) {
  const LoadOutcome outcome = load(make_input(
      {"--set", "websocket_max_payload_kb=2", "--set", "http_api.request_limit_in_mb=3"}));
  EXPECT_EQ(outcome.settings.session.message_bytes_max, 2048U);
  EXPECT_EQ(outcome.settings.http.body_bytes_max, 3U << 20);
}

TEST(SuggestTest, DistanceCountsSwapsOnce) {
  EXPECT_EQ(edit_distance("", "abc"), 3U);
  EXPECT_EQ(edit_distance("port", "port"), 0U);
  EXPECT_EQ(edit_distance("prot", "port"), 1U);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
}

TEST(SuggestTest, FarWordsAreNotSuggested) {
  const std::string words_known[] = {"port", "host"};
  EXPECT_EQ(nearest("hots", words_known), "host");
  EXPECT_EQ(nearest("completely", words_known), "");
}

}  // namespace
}  // namespace mr::config
