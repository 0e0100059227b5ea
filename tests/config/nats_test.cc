#include <gtest/gtest.h>

#include "config/loading.h"
#include "config/nats_servers.h"

namespace mr::config {
namespace {

bool is_nats(const LoadOutcome& outcome) {
  return outcome.settings.broker.driver == BrokerDriver::kNats;
}

// The addresses and the login as words, or the error's text.
std::string parts_of(const std::vector<std::string>& given) {
  const auto read = read_nats_servers(given);
  if (!read.ok()) return read.error().detail;
  std::string out;
  for (const std::string& address : read.value().addresses) out += address + " ";
  return out + "user=" + read.value().username + " password=" + read.value().password +
         " token=" + read.value().token;
}

TEST(NatsServersTest, EveryFormIsRead) {
  const std::pair<std::vector<std::string>, const char*> cases[] = {
      {{}, "user= password= token="},
      {{"n"}, "n:4222 user= password= token="},
      {{"10.0.0.7:4223", " nats://b "}, "10.0.0.7:4223 b:4222 user= password= token="},
      {{"NATS://n/"}, "n:4222 user= password= token="},
      {{"nats://[::1]:7000", "[::2]"}, "[::1]:7000 [::2]:4222 user= password= token="},
      {{"nats://u:p@n:1"}, "n:1 user=u password=p token="},
      {{"nats://u:p@a", "b"}, "a:4222 b:4222 user=u password=p token="},
      {{"nats://u:p@a", "nats://u:p@b"}, "a:4222 b:4222 user=u password=p token="},
      {{"nats://t0k@n"}, "n:4222 user= password= token=t0k"},
      {{"nats://a%40b:c%3A%25@n"}, "n:4222 user=a@b password=c:% token="},
      {{"nats://u:a@b:c@n"}, "n:4222 user=u password=a@b:c token="},
  };
  for (const auto& [given, parts] : cases) EXPECT_EQ(parts_of(given), parts);
}

TEST(NatsServersTest, WhatIsWrongIsToldWithoutThePassword) {
  const std::pair<std::vector<std::string>, const char*> cases[] = {
      {{"tls://u:hunter2@a", "nats://b"}, "some of its servers begin with tls://"},
      {{"tls://u:hunter2@n x"}, "its host must be"},
      {{"http://u:hunter2@n"}, "must begin with nats://"},
      {{"nats://u:hunter2%@n"}, "a % in its user or password"},
      {{"nats://u:hunter2@a", "nats://u:hunter3@b"}, "different logins"},
      {{"nats://u:hunter2@"}, "its host must be"},
      {{""}, "its host must be"},
      {{"nats://u:hunter2@a b"}, "its host must be"},
      {{"nats://u:hunter2@::1"}, "its host must be"},
      {{"n:"}, "its port must be"},
      {{"n:0"}, "its port must be"},
      {{"nats://u:hunter2"}, "its port must be"},
      {{"nats://u:hunter2@n/x"}, "nothing may stand"},
  };
  for (const auto& [given, problem] : cases) {
    const std::string told = parts_of(given);
    EXPECT_NE(told.find(problem), std::string::npos) << given[0] << " gave " << told;
    EXPECT_EQ(told.find("hunter"), std::string::npos) << told;
  }
  EXPECT_EQ(
      joined(load_set({}, {{"NATS_SERVERS", "http://u:hunter2@n"}}).errors),
      "env NATS_SERVERS: \"adapter.nats.servers\": " + parts_of({"http://u:hunter2@n"}) + "\n");
}

TEST(NatsConfigTest, TheDriverAloneTakesTheUsualAddress) {
  const LoadOutcome outcome = load_set({}, {{"ADAPTER_DRIVER", "nats"}});
  EXPECT_EQ(joined(outcome.errors) + joined(outcome.warnings), "");
  EXPECT_TRUE(is_nats(outcome));
  const cluster::nats::NatsOptions& nats = outcome.settings.broker.nats;
  EXPECT_EQ(nats.servers, std::vector<std::string>{"127.0.0.1:4222"});
  EXPECT_EQ(nats.prefix, "millrace");
  EXPECT_EQ(nats.client_name, "millrace-web1-6001");
  EXPECT_EQ(nats.queue_bytes_max, 16U << 20);
}

TEST(NatsConfigTest, EverySpellingNamesItsServers) {
  const std::vector<std::string> servers = {"a:1", "b:4222"};
  const LoadOutcome of_environment =
      load_set({"adapter.driver=nats"}, {{"NATS_SERVERS", "nats://a:1,b"}});
  const LoadOutcome of_section = load_text(
      "adapter: {driver: nats, nats: {servers: [\"a:1\", \"nats://b\"]}}\n" + std::string(kApp));
  const LoadOutcome of_document = load_text(
      "adapter: {driver: nats}\nnats: {servers: [\"a:1\", b], prefix: p}\n" + std::string(kApp));
  for (const LoadOutcome* outcome : {&of_environment, &of_section, &of_document}) {
    EXPECT_EQ(joined(outcome->errors) + joined(outcome->warnings), "");
    EXPECT_TRUE(is_nats(*outcome));
    EXPECT_EQ(outcome->settings.broker.nats.servers, servers);
  }
  EXPECT_EQ(of_document.settings.broker.nats.prefix, "p");
  EXPECT_EQ(of_document.settings.cluster.prefix, "p");
}

TEST(NatsConfigTest, LoginsComeFromTheirKeysOrTheServers) {
  const LoadOutcome by_key =
      load_set({"adapter.driver=nats"}, {{"NATS_USERNAME", "u"}, {"NATS_PASSWORD", "hunter2"}});
  const LoadOutcome by_url =
      load_set({"adapter.driver=nats"}, {{"NATS_SERVERS", "nats://u:hunter2@n"}});
  for (const LoadOutcome* outcome : {&by_key, &by_url}) {
    EXPECT_EQ(joined(outcome->errors), "");
    EXPECT_EQ(outcome->settings.broker.nats.username, "u");
    EXPECT_EQ(outcome->settings.broker.nats.password, "hunter2");
    for (const Origin& origin : outcome->origins) {
      EXPECT_EQ(origin.value.find("hunter2"), std::string::npos) << origin.path;
    }
  }
  EXPECT_EQ(load_set({"adapter.driver=nats", "adapter.nats.token=t"}).settings.broker.nats.token,
            "t");
}

TEST(NatsConfigTest, ContradictionsNameBothKeys) {
  EXPECT_EQ(joined(load_set({"adapter.driver=nats"}, {{"REDIS_URL", "r"}}).errors),
            "env REDIS_URL: \"redis.url\" selects redis, against \"adapter.driver\", which is "
            "\"nats\" (--set adapter.driver); remove one of the two\n");
  const Environment url = {{"ADAPTER_DRIVER", "nats"}, {"NATS_SERVERS", "nats://u:hunter2@n"}};
  EXPECT_EQ(joined(load_set({"adapter.nats.username=v"}, url).errors),
            "env NATS_SERVERS: \"adapter.nats.servers\" has another login than "
            "\"adapter.nats.username\", which is \"v\" (--set adapter.nats.username); remove one "
            "of the two\n");
  EXPECT_EQ(joined(load_set({"adapter.nats.token=t"}, url).errors),
            "env NATS_SERVERS: \"adapter.nats.servers\" has another login than "
            "\"adapter.nats.token\" (--set adapter.nats.token); remove one of the two\n");
  EXPECT_EQ(joined(load_set({"adapter.driver=nats", "adapter.nats.username=u",
                             "adapter.nats.password=p", "adapter.nats.token=t"})
                       .errors),
            "--set adapter.nats.token: \"adapter.nats.token\" is a login of its own beside "
            "\"adapter.nats.username\"; remove one of the two\n");
  EXPECT_EQ(joined(load_set({"adapter.driver=nats", "adapter.nats.username=u"}).errors),
            "--set adapter.nats.username: \"adapter.nats.username\" is without effect while "
            "\"adapter.nats.password\" is empty; set both or none\n");
  EXPECT_EQ(joined(load_set({"adapter.driver=nats", "adapter.nats.password=p"}).warnings),
            "--set adapter.nats.password: \"adapter.nats.password\" has no effect without "
            "\"adapter.nats.username\"\n");
}

TEST(NatsConfigTest, APrefixThatIsNoSubjectIsRefused) {
  const LoadOutcome outcome = load_set({"adapter.driver=nats", "nats.prefix=a*"});
  EXPECT_NE(joined(outcome.errors).find("\"adapter.nats.prefix\": the prefix \"a*\""),
            std::string::npos)
      << joined(outcome.errors);
  EXPECT_TRUE(load_set({"adapter.driver=nats", "nats.prefix=sockudo_adapter:"}).ok());
}

TEST(NatsConfigTest, ServersWithoutADriverAreAWarning) {
  const LoadOutcome outcome = load_set({}, {{"NATS_SERVERS", "n"}});
  EXPECT_EQ(joined(outcome.errors), "");
  EXPECT_FALSE(is_nats(outcome));
  EXPECT_EQ(joined(outcome.warnings),
            "env NATS_SERVERS: \"adapter.nats.servers\" has no effect on its own; set "
            "\"adapter.driver\" to nats\n");
}

TEST(NatsConfigTest, TypingErrorsBelowNatsAreFoundAndKeysOfOtherServersKnown) {
  EXPECT_NE(
      joined(load_text("adapter: {driver: nats, nats: {server: [a]}}\n" + std::string(kApp)).errors)
          .find("did you mean \"adapter.nats.servers\"?"),
      std::string::npos);
  const LoadOutcome others = load_text(
      "adapter: {driver: nats, nats: {no_echo: true, max_reconnects: 3}}\n" + std::string(kApp));
  EXPECT_EQ(joined(others.errors), "");
  EXPECT_EQ(others.warnings.size(), 2U) << joined(others.warnings);
}

}  // namespace
}  // namespace mr::config
