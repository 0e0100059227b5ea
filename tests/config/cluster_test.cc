#include <gtest/gtest.h>

#include "config/loading.h"
#include "config/redis_url.h"

namespace mr::config {
namespace {

bool is_redis(const LoadOutcome& outcome) {
  return outcome.settings.broker.driver == BrokerDriver::kRedis;
}

// The parts of a URL as "key=value" words, or the error's text.
std::string parts_of(std::string_view url) {
  const auto parts = read_redis_url(url);
  if (!parts.ok()) return parts.error().detail;
  std::string out;
  for (const UrlPart& part : parts.value()) {
    constexpr std::string_view kSection = "database.redis.";
    if (!out.empty()) out += " ";
    out += std::string(part.path.substr(kSection.size())) + "=" + to_json(part.value);
  }
  return out;
}

TEST(RedisUrlTest, EveryFormIsRead) {
  const std::pair<const char*, const char*> cases[] = {
      {"redis", R"(host="redis")"},
      {"redis:6380", R"(host="redis" port=6380)"},
      {"10.0.0.7", R"(host="10.0.0.7")"},
      {"redis://my_redis.example.com", R"(tls.enabled=false host="my_redis.example.com")"},
      {"REDIS://r", R"(tls.enabled=false host="r")"},
      {"redis://r/", R"(tls.enabled=false host="r")"},
      {"redis://r/3", R"(tls.enabled=false db=3 host="r")"},
      {"r:1/65535", R"(db=65535 host="r" port=1)"},
      {"redis://[::1]:7000/2", R"(tls.enabled=false db=2 host="::1" port=7000)"},
      {"[::1]", R"(host="::1")"},
      {"redis://u:p@r:1/2", R"(tls.enabled=false username="u" password="p" db=2 host="r" port=1)"},
      {"redis://:p@r", R"(tls.enabled=false password="p" host="r")"},
      {"redis://u@r", R"(tls.enabled=false username="u" host="r")"},
      {"redis://u:@r", R"(tls.enabled=false username="u" host="r")"},
      {"redis://@r", R"(tls.enabled=false host="r")"},
      {"u:p@r:1", R"(username="u" password="p" host="r" port=1)"},
      {"redis://a%40b:c%3a%2F%25d+@r",
       R"(tls.enabled=false username="a@b" password="c:/%d+" host="r")"},
      {"redis://u:a@b/c:d@r:1",
       R"(tls.enabled=false username="u" password="a@b/c:d" host="r" port=1)"},
      {"rediss://r", R"(tls.enabled=true host="r")"},
      {"RedisS://u:p@[::1]:1/2",
       R"(tls.enabled=true username="u" password="p" db=2 host="::1" port=1)"},
  };
  for (const auto& [url, parts] : cases) EXPECT_EQ(parts_of(url), parts) << url;
}

TEST(RedisUrlTest, WhatIsWrongIsToldWithoutThePassword) {
  const std::pair<std::string, const char*> cases[] = {
      {"rediss://u:hunter2@", "its host must be"},
      {"redisss://u:hunter2@r", "must begin with redis:// or rediss://"},
      {"http://u:hunter2@r", "must begin with redis://"},
      {"unix://hunter2", "must begin with redis://"},
      {"redis://u:hunter2%@r", "a % in its user or password"},
      {"redis://%zz:hunter2@r", "a % in its user or password"},
      {"redis://u:hunter2@", "its host must be"},
      {"redis://u:hunter2@:6379", "its host must be"},
      {"redis://", "its host must be"},
      {"redis:///1", "its host must be"},
      {"redis://u:hunter2@a b", "its host must be"},
      {"redis://u:hunter2@[::1", "its host must be"},
      {"redis://u:hunter2@[]", "its host must be"},
      {"redis://u:hunter2@[::1]7", "its host must be"},
      {"redis://u:hunter2@::1", "its host must be"},
      {"redis://[r]:1", "its host must be"},
      {"redis://r:", "its port must be"},
      {"redis://u:hunter2", "its port must be"},
      {"redis://r:0", "its port must be"},
      {"redis://r:65536", "its port must be"},
      {"redis://r:1:2", "its port must be"},
      {"redis://u:1/hunter2", "and the number of a database"},
      {"redis://r/65536", "and the number of a database"},
      {"redis://r/-1", "and the number of a database"},
      {"redis://r/1/2", "and the number of a database"},
      {"redis://r/1?protocol=3", "and the number of a database"},
      {std::string("redis://r\0", 10), "its host must be"},
  };
  for (const auto& [url, problem] : cases) {
    const std::string told = parts_of(url);
    EXPECT_NE(told.find(problem), std::string::npos) << url << " gave " << told;
    const LoadOutcome outcome = load_set({}, {{"REDIS_URL", url}});
    EXPECT_EQ(joined(outcome.errors), "env REDIS_URL: \"redis.url\": " + told + "\n") << url;
    EXPECT_EQ(joined(outcome.errors).find("hunter2"), std::string::npos) << url;
  }
}

TEST(ClusterConfigTest, NothingGivenIsANodeOnItsOwn) {
  const LoadOutcome outcome = load(make_input({}));
  EXPECT_EQ(joined(outcome.errors) + joined(outcome.warnings), "");
  const Settings& settings = outcome.settings;
  EXPECT_FALSE(is_redis(outcome));
  EXPECT_EQ(settings.broker.redis.host, "127.0.0.1");
  EXPECT_EQ(settings.broker.redis.port, 6379);
  EXPECT_EQ(settings.cluster.name, "web1-6001");
  EXPECT_EQ(settings.cluster.prefix, "millrace");
  EXPECT_EQ(settings.broker.redis.prefix, "millrace");
  EXPECT_EQ(settings.broker.redis.client_name, "millrace-web1-6001");
  EXPECT_EQ(settings.cluster.partitions, 1024U);
  EXPECT_EQ(settings.channel.partitions, 1024U);
  EXPECT_EQ(settings.cluster.heartbeat, std::chrono::seconds(1));
  EXPECT_EQ(settings.cluster.node_timeout, std::chrono::seconds(5));
  EXPECT_EQ(settings.cluster.queue_bytes_max, 16U << 20);
  EXPECT_EQ(settings.broker.redis.queue_bytes_max, 16U << 20);
  EXPECT_EQ(settings.cluster.secret, "");
}

TEST(ClusterConfigTest, AUrlAloneSelectsRedisAndAnEmptyOneDoesNot) {
  const LoadOutcome by_url = load_set({}, {{"REDIS_URL", "redis:6380"}});
  EXPECT_EQ(joined(by_url.errors) + joined(by_url.warnings), "");
  EXPECT_TRUE(is_redis(by_url));
  EXPECT_EQ(by_url.settings.broker.redis.host, "redis");
  EXPECT_EQ(by_url.settings.broker.redis.port, 6380);
  for (const char* path : {"adapter.driver", "database.redis.host", "database.redis.port"}) {
    EXPECT_EQ(origin_of(by_url, path), "env REDIS_URL") << path;
  }
  EXPECT_EQ(origin_of(by_url, "database.redis.db"), "default");

  const LoadOutcome empty = load_text("redis: {url: \"\"}\n" + std::string(kApp));
  EXPECT_EQ(joined(empty.errors) + joined(empty.warnings), "");
  EXPECT_FALSE(is_redis(empty));
  EXPECT_FALSE(is_redis(load_set({}, {{"REDIS_URL", ""}})));
}

TEST(ClusterConfigTest, OrderingAndLossOfTheBrokerAreChosen) {
  const LoadOutcome outcome = load_text(
      "cluster: {on_broker_loss: refuse}\nordering: {broker: [\"orders-*\", \"*-book\"]}\n" +
      std::string(kApp));
  EXPECT_EQ(joined(outcome.errors) + joined(outcome.warnings), "");
  EXPECT_TRUE(outcome.settings.cluster.refuses_cut_off);
  EXPECT_EQ(outcome.settings.channel.broker_ordered,
            (std::vector<std::string>{"orders-*", "*-book"}));
  EXPECT_FALSE(load_set({}, {}).settings.cluster.refuses_cut_off);

  const LoadOutcome wrong = load_text("ordering: {broker: [\"a*b\"]}\n" + std::string(kApp));
  EXPECT_NE(joined(wrong.errors).find("\"a*b\" is no channel pattern"), std::string::npos);
  const LoadOutcome nats =
      load_text("adapter: {driver: nats}\nordering: {broker: [\"a*\"]}\n" + std::string(kApp));
  EXPECT_NE(joined(nats.warnings).find("NATS has no order between publishers"), std::string::npos);
}

TEST(ClusterConfigTest, EventsThatNodesCannotSendEachOtherAreAContradiction) {
  const auto load_with = [](const std::string& driver, int payload_kb, int queue_mb) {
    return load_text("adapter: {driver: " + driver +
                     "}\nevent_limits: {max_payload_in_kb: " + std::to_string(payload_kb) +
                     "}\ncluster: {bus_queue_mb: " + std::to_string(queue_mb) + "}\n" +
                     std::string(kApp));
  };
  EXPECT_EQ(joined(load_with("local", 65536, 1).errors), "");
  EXPECT_EQ(joined(load_with("redis", 16384, 16).errors), "");
  const std::string large = joined(load_with("redis", 16385, 64).errors);
  EXPECT_NE(large.find("\"apps[].max_event_payload_in_kb\" 16385"), std::string::npos) << large;
  EXPECT_NE(large.find("\"adapter.driver\""), std::string::npos) << large;
  const std::string queue = joined(load_with("redis", 2048, 1).errors);
  EXPECT_NE(queue.find("\"cluster.bus_queue_mb\" 1 MiB"), std::string::npos) << queue;
  EXPECT_EQ(joined(load_with("nats", 1023, 16).warnings), "");
  const std::string nats = joined(load_with("nats", 1024, 16).warnings);
  EXPECT_NE(nats.find("\"adapter.nats.servers\""), std::string::npos) << nats;
}

TEST(ClusterConfigTest, TheDriverAloneTakesTheUsualAddress) {
  const LoadOutcome outcome = load_set({}, {{"ADAPTER_DRIVER", "redis"}});
  EXPECT_EQ(joined(outcome.errors) + joined(outcome.warnings), "");
  EXPECT_TRUE(is_redis(outcome));
  EXPECT_EQ(outcome.settings.broker.redis.host, "127.0.0.1");
  EXPECT_EQ(outcome.settings.broker.redis.port, 6379);
  EXPECT_TRUE(
      is_redis(load_text("adapter: {driver: redis}\nredis: {url: \"\"}\n" + std::string(kApp))));
}

TEST(ClusterConfigTest, AFileNamesAWholeCluster) {
  const LoadOutcome outcome = load_text(R"({
  "adapter": {"driver": "redis",
              "cluster_health": {"heartbeat_interval_ms": 250, "node_timeout_ms": 750}},
  "database": {"redis": {"host": "[::1]", "port": 7000, "db": 3, "username": "millrace",
                         "password": "hunter2", "key_prefix": "synctv:"}},
  "cluster": {"secret": "hunter2", "partitions": 64, "bus_queue_mb": 2},
  "node": {"id": "n1"},
  "apps": [{"id": "a", "key": "k", "secret": "s"}]
})");
  EXPECT_EQ(joined(outcome.errors) + joined(outcome.warnings), "");
  EXPECT_TRUE(is_redis(outcome));
  const cluster::redis::RedisOptions& redis = outcome.settings.broker.redis;
  EXPECT_EQ(redis.host, "::1");
  EXPECT_EQ(redis.port, 7000);
  EXPECT_EQ(redis.db, 3U);
  EXPECT_EQ(redis.username, "millrace");
  EXPECT_EQ(redis.password, "hunter2");
  EXPECT_EQ(redis.prefix, "synctv:");
  EXPECT_EQ(redis.client_name, "millrace-n1");
  EXPECT_EQ(redis.queue_bytes_max, 2U << 20);
  const cluster::Options& options = outcome.settings.cluster;
  EXPECT_EQ(options.name, "n1");
  EXPECT_EQ(options.prefix, "synctv:");
  EXPECT_EQ(options.secret, "hunter2");
  EXPECT_EQ(options.partitions, 64U);
  EXPECT_EQ(outcome.settings.channel.partitions, 64U);
  EXPECT_EQ(options.heartbeat, std::chrono::milliseconds(250));
  EXPECT_EQ(options.node_timeout, std::chrono::milliseconds(750));
  EXPECT_EQ(options.queue_bytes_max, 2U << 20);
}

TEST(ClusterConfigTest, PartitionsHaveAnOlderName) {
  const LoadOutcome outcome = load_set({"channel_limits.partitions=7"});
  EXPECT_EQ(outcome.settings.cluster.partitions, 7U);
  EXPECT_EQ(outcome.settings.channel.partitions, 7U);
}

TEST(ClusterConfigTest, DriversThatAreNoneAreRefusedAndCorrected) {
  EXPECT_EQ(joined(load_set({"adapter.driver=rediss"}).errors),
            "--set adapter.driver: \"adapter.driver\": must be one of: local redis redis-cluster "
            "nats; found "
            "\"rediss\"; did you mean \"redis\"?\n");
  EXPECT_EQ(joined(load_set({"adapter.driver=kafka"}).errors),
            "--set adapter.driver: \"adapter.driver\": must be one of: local redis redis-cluster "
            "nats; found "
            "\"kafka\"\n");
}

TEST(ClusterConfigTest, ADriverAgainstAUrlNamesBoth) {
  const LoadOutcome outcome =
      load_text("adapter: {driver: local}\n" + std::string(kApp), {{"REDIS_URL", "r"}});
  EXPECT_EQ(joined(outcome.errors),
            "env REDIS_URL: \"redis.url\" selects redis, against \"adapter.driver\", which is "
            "\"local\" (c.yaml:1:19); remove one of the two\n");
}

TEST(ClusterConfigTest, AUrlAgainstItsPartsNamesBoth) {
  const std::string url = "redis://u:hunter2@r:1/2";
  const std::pair<const char*, const char*> cases[] = {
      {"host", "other"}, {"port", "6379"}, {"db", "0"}, {"username", "default"}};
  for (const auto& [name, value] : cases) {
    const std::string key = "database.redis." + std::string(name);
    const LoadOutcome outcome = load_set({key + "=" + value}, {{"REDIS_URL", url}});
    EXPECT_TRUE(joined(outcome.errors)
                    .starts_with("env REDIS_URL: \"redis.url\" says something else than \"" + key +
                                 "\", which is "))
        << joined(outcome.errors);
    EXPECT_NE(joined(outcome.errors).find(std::string(value)), std::string::npos) << key;
    EXPECT_EQ(outcome.errors.size(), 1U);
  }
  EXPECT_EQ(joined(load_set({"database.redis.password=hunter3"}, {{"REDIS_URL", url}}).errors),
            "env REDIS_URL: \"redis.url\" says something else than \"database.redis.password\" "
            "(--set database.redis.password); remove one of the two\n");
}

TEST(ClusterConfigTest, AUrlAndKeysThatSayTheSameOrMoreAgree) {
  const LoadOutcome outcome = load_set({"database.redis.host=r", "database.redis.port=7",
                                        "database.redis.db=2", "database.redis.password=p"},
                                       {{"REDIS_URL", "redis://r/2"}});
  EXPECT_EQ(joined(outcome.errors) + joined(outcome.warnings), "");
  EXPECT_EQ(outcome.settings.broker.redis.port, 7);
  EXPECT_EQ(outcome.settings.broker.redis.password, "p");
}

TEST(ClusterConfigTest, BothSpellingsOfThePrefixAreOneKey) {
  const auto load_both = [](const std::string& other) {
    return load_text("database: {redis: {key_prefix: a}}\nredis: {key_prefix: " + other + "}\n" +
                     kApp);
  };
  EXPECT_EQ(joined(load_both("b").errors),
            "c.yaml:2:21: \"redis.key_prefix\" sets the same as \"database.redis.key_prefix\" at "
            "c.yaml:1:32; remove one\n");
  const LoadOutcome same = load_both("a");
  EXPECT_EQ(joined(same.errors), "");
  EXPECT_EQ(same.settings.broker.redis.prefix, "a");
  EXPECT_EQ(same.settings.cluster.prefix, "a");
  for (const char* bad : {"", "a b", "a*", "[a]"}) {
    const LoadOutcome outcome = load_set({std::string("redis.key_prefix=") + bad});
    EXPECT_NE(
        joined(outcome.errors).find("--set redis.key_prefix: \"redis.key_prefix\": the prefix"),
        std::string::npos)
        << bad << joined(outcome.errors);
  }
}

TEST(ClusterConfigTest, HostsAreNamesOrAddresses) {
  for (const char* good :
       {"localhost", "redis.example.com", "10.0.0.7", "::1", "[::1]", "my_redis"}) {
    EXPECT_EQ(
        joined(
            load_set({std::string("database.redis.host=") + good, "adapter.driver=redis"}).errors),
        "")
        << good;
  }
  for (const char* bad : {"", "a b", "redis:6379", "redis://r", "[::1", "[r]", "r/0"}) {
    EXPECT_NE(joined(load_set({std::string("database.redis.host=") + bad}).errors)
                  .find("is neither a host name nor a numeric address"),
              std::string::npos)
        << bad;
  }
}

TEST(ClusterConfigTest, AnAddressWithoutADriverIsAWarning) {
  const LoadOutcome outcome =
      load_text("database: {redis: {host: r, port: 1}}\n" + std::string(kApp));
  EXPECT_EQ(joined(outcome.errors), "");
  EXPECT_FALSE(is_redis(outcome));
  EXPECT_EQ(joined(outcome.warnings),
            "c.yaml:1:26: \"database.redis.host\" has no effect on its own; set "
            "\"adapter.driver\" to redis, or \"redis.url\"\n");
  EXPECT_EQ(joined(load_set({"database.redis.host=r", "adapter.driver=local"}).warnings), "");
}

TEST(ClusterConfigTest, AUserWithoutAPasswordIsRefused) {
  EXPECT_EQ(joined(load_set({"redis.url=redis://u@r"}).errors),
            "--set redis.url: \"database.redis.username\" is without effect while "
            "\"database.redis.password\" is empty; set both or none\n");
  EXPECT_TRUE(load_set({"redis.url=redis://u@r", "database.redis.password=p"}).ok());
}

TEST(ClusterConfigTest, ATimeoutIsThreeHeartbeatsAtLeast) {
  EXPECT_TRUE(
      load_set({"cluster.heartbeat_interval_ms=1500", "cluster.node_timeout_ms=4500"}).ok());
  EXPECT_EQ(
      joined(
          load_set({"cluster.heartbeat_interval_ms=1500", "cluster.node_timeout_ms=4499"}).errors),
      "--set cluster.node_timeout_ms: \"cluster.node_timeout_ms\" 4499 must be at least "
      "three times \"cluster.heartbeat_interval_ms\" 1500; set it to 4500 or more\n");
  EXPECT_EQ(joined(load_set({"cluster.heartbeat_interval_ms=5000"}).errors),
            "--set cluster.heartbeat_interval_ms: \"cluster.node_timeout_ms\" 5000 must be at "
            "least three times \"cluster.heartbeat_interval_ms\" 5000; set it to 15000 or more\n");
}

TEST(ClusterConfigTest, BatchesOfTheBusAreSetByTheirKeys) {
  const auto batches_of = [](const std::vector<std::string>& keys) {
    const LoadOutcome outcome = load_set(keys);
    EXPECT_TRUE(outcome.ok()) << joined(outcome.errors);
    return outcome.settings.cluster.batches;
  };
  const cluster::BatchOptions normal = batches_of({});
  EXPECT_TRUE(normal.is_on);
  EXPECT_EQ(normal.interval, base::Duration{}) << "one flush at the end of an iteration";
  EXPECT_EQ(normal.envelopes_max, 100U);
  EXPECT_FALSE(normal.compresses);
  for (const std::string prefix : {"", "cluster."}) {
    const cluster::BatchOptions some =
        batches_of({prefix + "batch_interval=100", prefix + "max_batch_size=7",
                    prefix + "enable_compression=true", prefix + "enable_batching=true"});
    EXPECT_EQ(some.interval, std::chrono::milliseconds(100));
    EXPECT_EQ(some.envelopes_max, 7U);
    EXPECT_TRUE(some.compresses);
  }
  EXPECT_FALSE(batches_of({"cluster.enable_batching=false"}).is_on);
}

TEST(ClusterConfigTest, AnIntervalWithoutBatchesNamesBoth) {
  EXPECT_EQ(joined(load_set({"enable_batching=false", "batch_interval=100"}).errors),
            "--set batch_interval: \"cluster.batch_interval_ms\" 100 has no effect with "
            "\"cluster.enable_batching\" false (--set enable_batching); drop one of them\n");
}

TEST(ClusterConfigTest, TheNameIsTheIdThenTheNameThenMade) {
  const auto name_of = [](std::vector<std::string> args, Environment environment = {}) {
    const LoadOutcome outcome = load(make_input(std::move(args), std::move(environment)));
    EXPECT_EQ(joined(outcome.errors) + joined(outcome.warnings), "");
    EXPECT_EQ(outcome.settings.broker.redis.client_name,
              "millrace-" + outcome.settings.cluster.name);
    return outcome.settings.cluster.name + " " + origin_of(outcome, "node.id");
  };
  EXPECT_EQ(name_of({"--port", "7001"}), "web1-7001 default");
  EXPECT_EQ(name_of({}, {{"NODE_NAME", "b"}}), "b env NODE_NAME");
  EXPECT_EQ(name_of({"--node-name", "b"}, {{"NODE_ID", "a"}}), "a env NODE_ID");
  EXPECT_EQ(name_of({"--node-id=a", "--node-name=b"}), "a --node-id");
  EXPECT_EQ(name_of({"--set", "node.id=", "--node-name=b"}), "b --node-name");
  EXPECT_EQ(name_of({}, {{"INSTANCE_PROCESS_ID", "c"}, {"NODE_ID", "a"}}), "a env NODE_ID");
}

TEST(ClusterConfigTest, AMadeNameIsAlwaysGood) {
  LoadInput strange = make_input({});
  strange.hostname = "a b\n\xc3\xa4";
  EXPECT_EQ(load(std::move(strange)).settings.cluster.name, "a-b----6001");
  LoadInput nameless = make_input({});
  nameless.hostname = "";
  EXPECT_EQ(load(std::move(nameless)).settings.cluster.name, "node-6001");
  LoadInput endless = make_input({});
  endless.hostname = std::string(500, 'x');
  EXPECT_EQ(load(std::move(endless)).settings.cluster.name, std::string(64, 'x') + "-6001");
  EXPECT_NE(input_of_process({}).hostname, "");
  LoadInput any_port = make_input({"--port=0"});
  any_port.hostname = "h";
  any_port.process = 4321;
  EXPECT_EQ(load(std::move(any_port)).settings.cluster.name, "h-4321")
      << "two nodes of a machine with port 0 have names of their own";
  EXPECT_NE(input_of_process({}).process, 0U);
}

TEST(ClusterConfigTest, WhatLimitsDoWithoutTheBrokerIsChosen) {
  EXPECT_FALSE(load_set({}).settings.cluster.refuses_without_store);
  EXPECT_FALSE(
      load_set({"limits.on_broker_loss=local_share"}).settings.cluster.refuses_without_store);
  EXPECT_TRUE(load_set({"limits.on_broker_loss=refuse"}).settings.cluster.refuses_without_store);
  EXPECT_FALSE(load_set({"limits.on_broker_loss=none"}).ok());
}

TEST(ClusterConfigTest, NamesThatCannotBeUsedAreRefused) {
  EXPECT_EQ(joined(load(make_input({"--node-id", "web 1"})).errors),
            "--node-id: \"node.id\": \"web 1\" must be at most 128 visible ASCII characters "
            "without spaces\n");
  for (const std::string& bad :
       {std::string("a\n"), std::string("\x7f"), std::string("\xc3\xa4"), std::string(129, 'x')}) {
    EXPECT_FALSE(load(make_input({"--node-name", bad})).ok()) << bad;
  }
  EXPECT_TRUE(load(make_input({"--node-name", std::string(128, 'x')})).ok());
}

TEST(ClusterConfigTest, NoPasswordIsShown) {
  const LoadOutcome outcome =
      load_set({"cluster.secret=hunter2"}, {{"REDIS_URL", "redis://u:hunter2@r"}});
  EXPECT_EQ(joined(outcome.errors), "");
  EXPECT_EQ(outcome.settings.broker.redis.password, "hunter2");
  for (const char* path : {"redis.url", "database.redis.password", "cluster.secret"}) {
    EXPECT_EQ(value_of(outcome, path), "\"****\"") << path;
  }
  EXPECT_EQ(value_of(outcome, "database.redis.username"), "\"u\"");
  for (const Origin& origin : outcome.origins) {
    EXPECT_EQ(origin.value.find("hunter2"), std::string::npos) << origin.path;
  }
}

// A row for all of database.redis hid typing errors below it.
TEST(ClusterConfigTest, TypingErrorsBelowDatabaseRedisAreFound) {
  EXPECT_EQ(joined(load_text("database: {redis: {hots: r}}\n" + std::string(kApp)).errors),
            "c.yaml:1:20: unknown key \"database.redis.hots\"; did you mean "
            "\"database.redis.host\"?\n");
  const LoadOutcome later =
      load_text("database: {redis: {sentinel_tls: {}, master_tls: {}}}\n" + std::string(kApp));
  EXPECT_EQ(joined(later.errors) + joined(later.warnings), "") << "sections without a key";
}

TEST(ClusterConfigTest, TheAddressOfANodeIsGivenOrFound) {
  const auto facts_of = [](const std::vector<std::string>& assignments, Environment environment) {
    const LoadOutcome outcome = load_set(assignments, std::move(environment));
    EXPECT_EQ(joined(outcome.errors), "");
    return outcome.settings.cluster.facts;
  };
  EXPECT_EQ(facts_of({"host=0.0.0.0"}, {}).address, "10.0.0.1") << "one of the machine";
  EXPECT_EQ(facts_of({"host=::"}, {}).address, "10.0.0.1");
  EXPECT_EQ(facts_of({"host=10.0.0.9"}, {}).address, "10.0.0.9");
  EXPECT_EQ(facts_of({}, {{"POD_IP", "10.1.2.3"}}).address, "10.1.2.3");
  EXPECT_EQ(facts_of({}, {{"POD_IP", "10.1.2.3"}, {"NODE_ADDRESS", "web1"}}).address, "web1");
  EXPECT_EQ(facts_of({"node_address=a"}, {}).address, "a");
  EXPECT_EQ(facts_of({"port=7000"}, {}).port, 7000U);
  EXPECT_EQ(facts_of({}, {{"NODE_PORT", "7001"}}).port, 7001U) << "the node listens there";
  EXPECT_EQ(facts_of({"node.port=80", "port=7000"}, {}).port, 80U);
  EXPECT_EQ(facts_of({"port=0"}, {}).port, 0U) << "known when it listens";
}

TEST(ClusterConfigTest, RegionCapacityAndVersionGoIntoHeartbeats) {
  for (const LoadOutcome& outcome :
       {load_set({"node.region=eu"}), load_set({"node_region=eu"}),
        load_set({"clustering.node_region=eu"}), load_set({}, {{"NODE_REGION", "eu"}}),
        load(make_input({"--node-region", "eu"}))}) {
    EXPECT_EQ(joined(outcome.errors) + joined(outcome.warnings), "");
    EXPECT_EQ(outcome.settings.cluster.facts.region, "eu");
    EXPECT_NE(outcome.settings.cluster.facts.version, "");
  }
  EXPECT_EQ(load_set({"max_connections=10000"}).settings.cluster.facts.capacity, 10'000U);
  const LoadOutcome wrong = load_set({"node.region=a b"});
  EXPECT_NE(joined(wrong.errors).find("\"node.region\": \"a b\" must be at most 128"),
            std::string::npos)
      << joined(wrong.errors);
}

}  // namespace
}  // namespace mr::config
