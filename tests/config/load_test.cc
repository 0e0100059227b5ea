#include <gtest/gtest.h>

#include "config/loading.h"

namespace mr::config {
namespace {

using Lines = std::vector<std::string>;

TEST(LoadTest, NothingGivenIsADevelopmentNode) {
  const LoadOutcome outcome = load(make_input({}));
  EXPECT_EQ(outcome.errors, Lines{});
  EXPECT_EQ(outcome.warnings, Lines{});
  const Settings& settings = outcome.settings;
  EXPECT_TRUE(settings.development);
  EXPECT_EQ(settings.host, "127.0.0.1");
  EXPECT_EQ(settings.port, 6001);
  EXPECT_EQ(settings.metrics.host, "127.0.0.1");
  EXPECT_EQ(settings.metrics.port, 9601);
  ASSERT_EQ(settings.apps.size(), 1U);
  EXPECT_EQ(settings.apps[0].id, "app-id");
  EXPECT_EQ(settings.apps[0].key, "app-key");
  EXPECT_EQ(settings.apps[0].secret, "app-secret");
  EXPECT_TRUE(settings.apps[0].enable_client_messages);
  EXPECT_TRUE(settings.apps[0].enable_user_authentication);
}

TEST(LoadTest, OpeningADevelopmentNodeIsAWarning) {
  const LoadOutcome outcome = load(make_input({"--host", "0.0.0.0"}));
  EXPECT_TRUE(outcome.ok());
  EXPECT_EQ(outcome.settings.host, "0.0.0.0");
  ASSERT_EQ(outcome.warnings.size(), 1U);
  EXPECT_NE(outcome.warnings[0].find("--host: \"host\" opens a development node"),
            std::string::npos);
}

TEST(LoadTest, AFileWithAppsIsProduction) {
  const LoadOutcome outcome = load_text(kApp, {}, {"--port", "6002"});
  EXPECT_EQ(joined(outcome.errors), "");
  EXPECT_FALSE(outcome.settings.development);
  EXPECT_EQ(outcome.settings.host, "0.0.0.0");
  EXPECT_EQ(outcome.settings.port, 6002);
  EXPECT_EQ(outcome.settings.metrics.port, 9602);
  EXPECT_EQ(outcome.config_path, "c.yaml");
}

TEST(LoadTest, AFileWithoutAppsNamesApps) {
  for (const char* text : {"port: 6001\n", "", "apps:\n", "apps: []\n", "apps: {}\n"}) {
    const LoadOutcome outcome = load_text(text);
    ASSERT_EQ(outcome.errors.size(), 1U) << text;
    EXPECT_NE(outcome.errors[0].find("\"apps\""), std::string::npos) << outcome.errors[0];
    EXPECT_FALSE(outcome.settings.development);
  }
}

TEST(LoadTest, AnExplicitFileThatCannotBeReadIsAnError) {
  const LoadOutcome outcome = load(make_input({"--config", "absent.yaml"}));
  EXPECT_EQ(joined(outcome.errors),
            "absent.yaml: cannot be read: No such file or directory; correct the path after "
            "--config\n");
}

TEST(LoadTest, UnknownKeysGiveLineColumnAndSuggestion) {
  const LoadOutcome outcome = load_text("# first\nprot: 1\nmetrics:\n  prot: 2\nzzzzzzzz: 3\n" +
                                        std::string(kApp) + "    \n");
  ASSERT_EQ(outcome.errors.size(), 3U) << joined(outcome.errors);
  EXPECT_EQ(outcome.errors[0], "c.yaml:2:1: unknown key \"prot\"; did you mean \"port\"?");
  EXPECT_EQ(outcome.errors[1],
            "c.yaml:4:3: unknown key \"metrics.prot\"; did you mean \"metrics.port\"?");
  EXPECT_EQ(outcome.errors[2], "c.yaml:5:1: unknown key \"zzzzzzzz\"; see `millrace config docs`");
}

TEST(LoadTest, ARightKeyInAWrongPlaceIsFound) {
  const LoadOutcome outcome = load_text(std::string(kApp) + "enable_client_messages: true\n");
  EXPECT_EQ(joined(outcome.errors),
            "c.yaml:2:1: unknown key \"enable_client_messages\"; did you mean "
            "\"apps[].enable_client_messages\"?\n");
}

TEST(LoadTest, UnknownKeysOfAppsAreErrors) {
  const LoadOutcome outcome = load_text("apps:\n- id: a\n  key: k\n  secret: s\n  enabeld: true\n");
  EXPECT_EQ(joined(outcome.errors),
            "c.yaml:5:3: unknown key \"apps[0].enabeld\"; did you mean \"enabled\"?\n");
}

struct Mistyped {
  const char* text;
  const char* error;
};

TEST(LoadTest, MistypedValuesSayWhatToWrite) {
  const Mistyped cases[] = {
      {"port: abc", "c.yaml:1:7: \"port\": expected an integer, found \"abc\"; write digits"},
      {"port: 010", "expected an integer, found \"010\""},
      {"port: 0x10", "expected an integer"},
      {"port: 1_000", "expected an integer"},
      {"port: 6001.5", "expected an integer"},
      {"port: +1", "expected an integer"},
      {"port: \"6001\"", "expected an integer, found the text \"6001\"; remove the quotes"},
      {"port: [1]", "expected an integer, found a list"},
      {"port: {a: 1}", "expected an integer, found a map"},
      {"port: 99999999999999999999", "the number is too large"},
      {"port: 65536", "must be between 0 and 65535, found 65536"},
      {"port: -1", "must be between 0 and 65535, found -1"},
      {"activity_timeout: 0", "must be between 1 and 86400 s, found 0"},
      {"activity_timeout: 2m", "expected a number, found \"2m\"; write a number such as"},
      {"activity_timeout: .inf", "expected a number"},
      {"activity_timeout: nan", "expected a number"},
      {"metrics: {enabled: yes}", "expected a boolean, found \"yes\"; write true or false"},
      {"metrics: {enabled: True}", "expected a boolean"},
      {"metrics: {enabled: \"true\"}", "expected a boolean, found the text \"true\""},
      {"metrics: {enabled: 1}", "expected a boolean"},
      {"metrics: 9601", "\"metrics\" must be a map of keys"},
      {"host: [a]", "expected an address, found a list"},
      {"admin: {token: [a]}", "expected a text, found a list"},
      {"host: \"\"", "the text \"\" is not a numeric address"},
      {"cors: {origin: {a: b}}", "expected a list of texts, found a map"},
      {"cors: {origin: [[a]]}", "every element must be a text"},
      {"log: {format: jsn}", "found \"jsn\"; did you mean \"json\"?"},
      {"log: {format: xml}", "must be one of: auto json text; found \"xml\""},
      {"log: {level: loud}", "\"log.level\": \"loud\" must be a level or component=level"},
      {"log: {level: 'info,delta=loud'}", "\"delta=loud\" must be a level"},
      {"log: {level: 'info,sesion=debug'}", "names no component of the log; did you mean session?"},
      {"log: {level: '=debug'}", "\"=debug\" names no component of the log; components are admin"},
      {"apps: 5", "\"apps\" must be a list of apps"},
      {"- a", "the configuration must be a map of keys"},
      {"port: 65000", "plus 3600 is no port for metrics"},
      {"metrics: {port: 6001}", "\"metrics.port\" must differ from \"port\" (6001)"},
  };
  for (const Mistyped& bad : cases) {
    const bool needs_app = !std::string_view(bad.text).starts_with("apps") &&
                           !std::string_view(bad.text).starts_with("-");
    const LoadOutcome outcome =
        load_text(std::string(bad.text) + "\n" + (needs_app ? std::string(kApp) : ""));
    EXPECT_GE(outcome.errors.size(), 1U) << bad.text;
    EXPECT_NE(joined(outcome.errors).find(bad.error), std::string::npos)
        << bad.text << " gave " << joined(outcome.errors);
  }
}

TEST(LoadTest, AllProblemsAreReported) {
  const LoadOutcome outcome = load_text("port: x\nloops: -1\nfoo: 1\napps: [{id: a}]\n",
                                        {{"MILLRACE__NO__SUCH", "1"}}, {"--prot", "--set", "x"});
  EXPECT_EQ(outcome.errors.size(), 8U) << joined(outcome.errors);
}

TEST(LoadTest, DuplicateKeysAreErrors) {
  const LoadOutcome outcome = load_text("port: 1\nport: 2\n" + std::string(kApp));
  ASSERT_EQ(outcome.errors.size(), 1U) << joined(outcome.errors);
  EXPECT_EQ(outcome.errors[0],
            "c.yaml:2:1: duplicate key \"port\"; the first is on line 1; remove one");
}

TEST(LoadTest, AKeyAndItsAliasAreOneKey) {
  const LoadOutcome outcome = load_text(
      "max_connections: 5\ncluster: {connection_limits: {global: 6}}\n" + std::string(kApp));
  ASSERT_EQ(outcome.errors.size(), 1U) << joined(outcome.errors);
  EXPECT_EQ(
      outcome.errors[0],
      "c.yaml:2:39: \"cluster.connection_limits.global\" sets the same as \"max_connections\" "
      "at c.yaml:1:18; remove one");
  EXPECT_TRUE(load_text("max_connections: 5\ncluster: {connection_limits: {global: 5}}\n" +
                        std::string(kApp))
                  .ok());
}

TEST(LoadTest, SyntaxErrorsHaveAPlace) {
  const LoadOutcome outcome = load_text("port: [1\nhost: }\n");
  ASSERT_GE(outcome.errors.size(), 1U);
  EXPECT_TRUE(outcome.errors[0].starts_with("c.yaml:2:")) << outcome.errors[0];
  EXPECT_NE(outcome.errors[0].find("syntax error"), std::string::npos);
}

TEST(LoadTest, AnchorsAliasesTagsAndSecondDocumentsAreRefused) {
  for (const char* text : {"host: &a x\n", "host: *a\n", "host: !!str x\n",
                           "port: 1\n---\nport: 2\n", "? [a]\n: b\n"}) {
    EXPECT_FALSE(load_text(text).ok()) << text;
  }
  const std::string nul("port: 1\nhost: \0x\n", 17);
  EXPECT_EQ(load_text(nul).errors.at(0),
            "c.yaml:2:1: contains a NUL byte; this is not a text file");
}

TEST(LoadTest, JsonWithCommentsKeepsPositions) {
  const LoadOutcome outcome = load_text(R"(// head
{
  "port": 6010, /* two
  lines */ "prot": 1,
  "admin": {"token": "a//b"}, // tail { "x"
  "log": {"level": "debug"},
  "apps": [{"id": "a", "key": "k", "secret": "s/*not*/\"\\"}]
})");
  EXPECT_EQ(joined(outcome.errors), "c.yaml:4:12: unknown key \"prot\"; did you mean \"port\"?\n");
  EXPECT_EQ(outcome.settings.port, 6010);
  EXPECT_EQ(outcome.settings.admin_token, "a//b");
  EXPECT_EQ(outcome.settings.apps.at(0).secret, "s/*not*/\"\\");
}

TEST(LoadTest, YamlWordsStayTexts) {
  const LoadOutcome outcome = load_text(
      "admin: {token: yes}\napps: [{id: 0123, key: 1e3, secret: null_ish}, {id: no, key: 2, "
      "secret: 3}]");
  EXPECT_EQ(joined(outcome.errors), "");
  EXPECT_EQ(outcome.settings.admin_token, "yes");
  EXPECT_EQ(outcome.settings.apps[0].id, "0123");
  EXPECT_EQ(outcome.settings.apps[0].key, "1e3");
  EXPECT_EQ(outcome.settings.apps[1].id, "no");
}

TEST(LoadTest, FlagsBeatEnvironmentBeatsFileBeatsDefault) {
  const std::string file = "port: 7001\n" + std::string(kApp);
  EXPECT_EQ(load_text(kApp).settings.port, 6001);
  EXPECT_EQ(load_text(file).settings.port, 7001);
  EXPECT_EQ(load_text(file, {{"NODE_PORT", "7002"}}).settings.port, 7002);
  EXPECT_EQ(load_text(file, {{"NODE_PORT", "7002"}, {"PORT", "7003"}}).settings.port, 7003);
  EXPECT_EQ(load_text(file, {{"PORT", "7003"}, {"MILLRACE__PORT", "7004"}}).settings.port, 7004);
  const LoadOutcome outcome =
      load_text(file, {{"PORT", "7003"}, {"MILLRACE__PORT", "7004"}}, {"--port", "7005"});
  EXPECT_EQ(outcome.settings.port, 7005);
  EXPECT_EQ(load_text(file, {}, {"--port", "7005", "--set", "port=7006"}).settings.port, 7006);
}

TEST(LoadTest, OriginsNameTheStrongestPlace) {
  const LoadOutcome outcome =
      load_text("loops: 3\nmetrics:\n  enabled: false\n" + std::string(kApp), {{"PORT", "7003"}},
                {"--host=::1", "--set", "log.level=debug"});
  EXPECT_EQ(joined(outcome.errors), "");
  EXPECT_EQ(origin_of(outcome, "loops"), "c.yaml:1:8");
  EXPECT_EQ(origin_of(outcome, "metrics.enabled"), "c.yaml:3:12");
  EXPECT_EQ(origin_of(outcome, "port"), "env PORT");
  EXPECT_EQ(origin_of(outcome, "host"), "--host");
  EXPECT_EQ(origin_of(outcome, "log.level"), "--set log.level");
  EXPECT_EQ(origin_of(outcome, "pong_timeout"), "default");
  EXPECT_EQ(origin_of(outcome, "apps[0].id"), "c.yaml:4:13");
  EXPECT_EQ(value_of(outcome, "metrics.port"), "10603");
}

TEST(LoadTest, SecretsAreMaskedEverywhere) {
  const LoadOutcome outcome =
      load_text("apps: [{id: a, key: k, secret: hunter2}]\nadmin: {token: hunter2}\n");
  EXPECT_EQ(value_of(outcome, "admin.token"), "\"****\"");
  EXPECT_EQ(value_of(outcome, "apps[0].secret"), "\"****\"");
  for (const Origin& origin : outcome.origins)
    EXPECT_EQ(origin.value.find("hunter2"), std::string::npos);
  const LoadOutcome bad =
      load_text("apps: [{id: a, key: k, secret: [hunter2]}]\nadmin: {token: [hunter2]}\n");
  EXPECT_FALSE(bad.ok());
  EXPECT_EQ(joined(bad.errors).find("hunter2"), std::string::npos) << joined(bad.errors);
}

TEST(LoadTest, EnvironmentTakesListsMapsAndSectionsAsJson) {
  const LoadOutcome outcome = load(make_input(
      {}, {{"MILLRACE__APPS", R"([{"id": "1", "key": "k", "secret": "s", "max_connections": 7}])"},
           {"MILLRACE__CORS__ORIGIN", R"(["a", "b, c"])"},
           {"CORS_METHODS", "GET, POST"},
           {"MILLRACE__METRICS", R"({"enabled": false, "port": 5})"},
           {"MILLRACE__LOG__FILE", ""}}));
  EXPECT_EQ(joined(outcome.errors), "");
  EXPECT_FALSE(outcome.settings.development);
  EXPECT_EQ(outcome.settings.apps.at(0).max_connections, 7U);
  EXPECT_EQ(outcome.settings.cors.origin, (Lines{"a", "b, c"}));
  EXPECT_EQ(outcome.settings.cors.methods, (Lines{"GET", "POST"}));
  EXPECT_FALSE(outcome.settings.metrics.enabled);
  EXPECT_EQ(outcome.settings.metrics.port, 5);
}

TEST(LoadTest, BadEnvironmentIsNamed) {
  const LoadOutcome outcome = load(make_input({}, {{"MILLRACE__METRICS__PROT", "1"},
                                                   {"MILLRACE__APPS", "[{"},
                                                   {"PORT", "x"},
                                                   {"MILLRACE_SERVICE_HOST", "10.0.0.1"}}));
  const std::string errors = joined(outcome.errors);
  EXPECT_EQ(outcome.errors.size(), 3U) << errors;
  EXPECT_NE(errors.find("env MILLRACE__METRICS__PROT: unknown key \"metrics.prot\"; did you mean "
                        "MILLRACE__METRICS__PORT?"),
            std::string::npos)
      << errors;
  EXPECT_NE(errors.find("env MILLRACE__APPS: \"apps\" must be JSON"), std::string::npos) << errors;
  EXPECT_NE(errors.find("env PORT: \"port\": expected an integer"), std::string::npos) << errors;
}

TEST(LoadTest, VariablesAreReplacedInFiles) {
  const std::string text =
      "port: ${P}\nloops: \"${L:-3}\"\nadmin: {token: \"a${H:-b}c$${X}\"}\n" + std::string(kApp);
  const LoadOutcome outcome = load_text(text, {{"P", "7001"}});
  EXPECT_EQ(joined(outcome.errors), "");
  EXPECT_EQ(outcome.settings.port, 7001);
  EXPECT_EQ(outcome.settings.loops, 3U);
  EXPECT_EQ(outcome.settings.admin_token, "abc${X}");
  EXPECT_EQ(load_text(text).errors.at(0),
            "c.yaml:1:7: environment variable \"P\" is not set; set it or write ${P:-default}");
  EXPECT_FALSE(load_text("host: ${P\n" + std::string(kApp), {{"P", "1"}}).ok());
}

TEST(LoadTest, TheMetricsPrefixIsJudged) {
  const LoadOutcome good = load_text("metrics: {prefix: sockets_2}\n" + std::string(kApp));
  EXPECT_EQ(joined(good.errors), "");
  EXPECT_EQ(good.settings.metrics.prefix, "sockets_2");
  for (const char* prefix : {"\"\"", "2nd", "a-b", "a_", "_a"}) {
    const std::string text = std::string("metrics: {prefix: ") + prefix + "}\n" + kApp;
    EXPECT_NE(joined(load_text(text).errors).find("\"metrics.prefix\""), std::string::npos)
        << prefix;
  }
}

TEST(LoadTest, LaterKeysGiveExactlyOneWarningThatNamesThem) {
  const LoadOutcome outcome = load_text(
      R"({
  "delta_compression": {"enabled": true, "coordination_backend": "redis"},
  "adapter": {"enable_socket_counting": true},
  "database": {"mysql": {"host": "127.0.0.1", "port": 3306}},
  "mode": "production",
  "apps": [{"id": "a", "key": "k", "secret": "s", "webhooks": []},
           {"id": "b", "key": "l", "secret": "s", "webhooks": [],
            "channel_delta_compression": {"ticker:*": {"enabled": true}}}]
})",
      {{"CACHE_DRIVER", "redis"}, {"APP_MANAGER_DRIVER", "mysql"}},
      {"--set", "cache.driver=memory"});
  EXPECT_EQ(joined(outcome.errors), "");
  const std::string warnings = joined(outcome.warnings);
  for (const char* key : {"\"delta_compression.coordination_backend\"",
                          "\"adapter.enable_socket_counting\"", "\"database.mysql\"", "\"mode\"",
                          "\"apps[0].webhooks\"", "\"cache.driver\"", "\"app_manager.driver\""}) {
    const std::size_t at = warnings.find(key);
    ASSERT_NE(at, std::string::npos) << key << " in " << warnings;
    EXPECT_EQ(warnings.find(key, at + 1), std::string::npos) << warnings;
  }
  EXPECT_EQ(outcome.warnings.size(), 7U) << warnings;
  EXPECT_FALSE(load_text("delta_compression: {enabeld: true}\n" + std::string(kApp)).ok());
}

TEST(LoadTest, NodesOfOneHostStartAsTheDocumentsSay) {
  const LoadOutcome outcome = load(make_input(
      {},
      {{"ADAPTER_DRIVER", "redis"}, {"REDIS_URL", "redis://localhost:6379"}, {"PORT", "6002"}}));
  EXPECT_EQ(joined(outcome.errors), "");
  EXPECT_EQ(outcome.settings.metrics.port, 9602);
  EXPECT_EQ(joined(outcome.warnings), "");
}

TEST(LoadTest, AppsTakeFlatAndPolicyForms) {
  const LoadOutcome outcome = load_text(R"(
apps:
  first:
    key: k1
    secret: s1
    max_connections: 5
    enable_client_messages: true
    allowed_origins: ["https://*.example.com"]
  second:
    key: k2
    secret: s2
    policy:
      limits: {max_connections: 6, max_event_payload_in_kb: 20}
      features: {enable_user_authentication: true}
      channels: {allowed_origins: [a.example]}
)");
  EXPECT_EQ(joined(outcome.errors), "");
  ASSERT_EQ(outcome.settings.apps.size(), 2U);
  const auto& first = outcome.settings.apps[0];
  const auto& second = outcome.settings.apps[1];
  EXPECT_EQ(first.id, "first");
  EXPECT_EQ(first.max_connections, 5U);
  EXPECT_TRUE(first.enable_client_messages);
  EXPECT_EQ(first.allowed_origins, Lines{"https://*.example.com"});
  EXPECT_EQ(second.id, "second");
  EXPECT_EQ(second.max_connections, 6U);
  EXPECT_EQ(second.max_event_payload_in_kb, 20U);
  EXPECT_TRUE(second.enable_user_authentication);
  EXPECT_EQ(second.allowed_origins, Lines{"a.example"});
}

TEST(LoadTest, AppsStartFromTheLimitsOfTheNode) {
  const LoadOutcome outcome = load_text(R"(
app_manager: {array: {apps: [{id: a, key: k, secret: s}, {id: b, key: l, secret: s, max_event_name_length: 9}]}}
event_limits: {max_name_length: 50}
presence: {max_members_per_channel: 7}
channel_limits: {max_name_length: 99}
)");
  EXPECT_EQ(joined(outcome.errors), "");
  EXPECT_EQ(outcome.settings.apps.at(0).max_event_name_length, 50U);
  EXPECT_EQ(outcome.settings.apps.at(1).max_event_name_length, 9U);
  EXPECT_EQ(outcome.settings.apps.at(0).max_presence_members_per_channel, 7U);
  EXPECT_EQ(outcome.settings.apps.at(0).max_channel_name_length, 99U);
}

TEST(LoadTest, AppsThatCannotWorkAreErrors) {
  const Mistyped cases[] = {
      {"apps: [{id: a, key: k}]", "\"apps[0].secret\" is missing"},
      {"apps: [{id: a, key: k, secret: s}, {id: a, key: l, secret: s}]",
       "two apps have the id \"a\""},
      {"apps: [{id: a, key: k, secret: s}, {id: b, key: k, secret: s}]", "two apps have the key"},
      {"apps: {a: {key: k, secret: s}, a: {key: l, secret: s}}", "duplicate key \"a\""},
      {"apps: {a: {id: b, key: k, secret: s}}", "\"apps[0].id\" is set again"},
      {"apps: [{id: a/b, key: k, secret: s}]", "must not contain"},
      {"apps: [{id: a, key: k, secret: s, allowed_origins: ['*.*']}]", "more than one *"},
      {"apps: [a]", "an app must be a map"},
      {"apps: [{id: a, key: k, secret: s, max_connections: -1}]", "must be between 0"},
      {"apps: [{id: a, key: k, secret: s, enabled: true, policy: {enabled: false}}]", "set again"},
  };
  for (const Mistyped& bad : cases) {
    const LoadOutcome outcome = load_text(bad.text);
    EXPECT_NE(joined(outcome.errors).find(bad.error), std::string::npos)
        << bad.text << " gave " << joined(outcome.errors);
  }
}

TEST(LoadTest, WrongFlagsAreErrors) {
  const Mistyped cases[] = {
      {"--prot", "unknown flag \"--prot\"; did you mean \"--port\"?"},
      {"--port", "--port: needs a value"},
      {"stray", "unexpected argument \"stray\""},
      {"bnch", "did you mean bench?"},
      {"--set=port", "must have the form key=value"},
      {"--set=prot=1", "--set prot: unknown key \"prot\"; did you mean \"port\"?"},
      {"--config=", "the file name is empty"},
  };
  for (const Mistyped& bad : cases) {
    const LoadOutcome outcome = load(make_input({bad.text}));
    EXPECT_NE(joined(outcome.errors).find(bad.error), std::string::npos)
        << bad.text << " gave " << joined(outcome.errors);
  }
}

// `check` said valid where the start refused.
TEST(LoadTest, AddressesAreJudgedBeforeTheStart) {
  const auto host_of = [](const std::string& host) {
    LoadOutcome outcome = load_text("host: '" + host + "'\n" + kApp);
    return outcome.ok() ? outcome.settings.host : joined(outcome.errors);
  };
  EXPECT_EQ(host_of("localhost"), "127.0.0.1");
  EXPECT_EQ(host_of("[::1]"), "::1");
  EXPECT_EQ(host_of("::"), "::");
  EXPECT_EQ(host_of("0.0.0.0"), "0.0.0.0");
  EXPECT_EQ(
      host_of("example.com"),
      "c.yaml:1:7: \"host\": the text \"example.com\" is not a numeric address; give one like "
      "127.0.0.1, 0.0.0.0, ::1 or ::, or localhost\n");
  for (const char* bad : {"", "[::1", "127.0.0.1:6001", "[]"}) {
    EXPECT_NE(host_of(bad).find("numeric address"), std::string::npos) << bad << host_of(bad);
  }
  const LoadOutcome metrics = load_text("metrics: {host: nowhere.example}\n" + std::string(kApp));
  ASSERT_EQ(metrics.errors.size(), 1U) << joined(metrics.errors);
  EXPECT_NE(metrics.errors[0].find("\"metrics.host\""), std::string::npos);
}

TEST(LoadTest, LocalhostIsLoopback) {
  const LoadOutcome outcome = load(make_input({"--set", "host=localhost"}));
  EXPECT_TRUE(outcome.ok()) << joined(outcome.errors);
  EXPECT_EQ(joined(outcome.warnings), "");
  EXPECT_EQ(outcome.settings.metrics.host, "127.0.0.1");
}

TEST(LoadTest, ALogFileThatCannotBeWrittenIsAnError) {
  const LoadOutcome outcome = load_text("log: {file: /missing/a.log}\n" + std::string(kApp));
  ASSERT_EQ(outcome.errors.size(), 1U) << joined(outcome.errors);
  EXPECT_EQ(outcome.errors[0],
            "c.yaml:1:13: \"log.file\": cannot append to \"/missing/a.log\": No such file or "
            "directory; name a file in a folder that exists and that we may write to");
}

// Limits that nothing behind them could keep were accepted.
TEST(LoadTest, LimitsThatCannotWorkAreRefused) {
  EXPECT_FALSE(load_text("http_api: {request_limit_in_mb: 1024}\n" + std::string(kApp)).ok());
  EXPECT_TRUE(load_text("http_api: {request_limit_in_mb: 256}\n" + std::string(kApp)).ok());
}

TEST(LoadTest, ASingleUnderscoreIsAWarningWithTheRightName) {
  const auto warnings_of = [](const std::string& name) {
    return joined(load(make_input({}, {{name, "7000"}})).warnings);
  };
  EXPECT_EQ(warnings_of("MILLRACE_PORT"),
            "env MILLRACE_PORT: has no effect; did you mean MILLRACE__PORT?\n");
  EXPECT_EQ(warnings_of("MILLRACE_METRICS_PORT"),
            "env MILLRACE_METRICS_PORT: has no effect; did you mean MILLRACE__METRICS__PORT?\n");
  EXPECT_EQ(warnings_of("MILLRACE_HOTS"),
            "env MILLRACE_HOTS: has no effect; did you mean MILLRACE__HOST?\n");
  for (const char* other : {"MILLRACE_BIN", "MILLRACE_SERVICE_HOST", "MILLRACE_SECRET"}) {
    EXPECT_EQ(warnings_of(other), "") << other;
  }
}

// The second ${ was taken for $${.
TEST(LoadTest, AValueThatEndsInADollarEscapesNothing) {
  const LoadOutcome outcome =
      load_text("apps: [{id: a, key: k, secret: \"${A}${B}-$${A}\"}]\n", {{"A", "x$"}, {"B", "y"}});
  ASSERT_TRUE(outcome.ok()) << joined(outcome.errors);
  EXPECT_EQ(outcome.settings.apps[0].secret, "x$y-${A}");
}

TEST(LoadTest, ACommentWithoutEndIsAnError) {
  for (const char* text : {"{\"port\": 7000}\n /* rest", "{\"port\": 7000} /*"}) {
    const LoadOutcome outcome = load_text(text);
    ASSERT_EQ(outcome.errors.size(), 1U) << joined(outcome.errors);
    EXPECT_NE(outcome.errors[0].find("has no end"), std::string::npos) << outcome.errors[0];
  }
  EXPECT_EQ(load_text("{\"port\": 7000}\n /* rest").errors[0].find("c.yaml:2:2: "), 0U);
}

}  // namespace
}  // namespace mr::config
