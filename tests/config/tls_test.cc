#include <gtest/gtest.h>

#include "config/loading.h"
#include "config/nats_servers.h"

namespace mr::config {
namespace {

const std::map<std::string, std::string> kFiles = {{"ca", ""}, {"cert", ""}, {"key", ""}};

LoadOutcome load_with_files(const std::vector<std::string>& assignments,
                            Environment environment = {}) {
  std::vector<std::string> args;
  for (const std::string& assignment : assignments) {
    args.push_back("--set");
    args.push_back(assignment);
  }
  return load(make_input(std::move(args), std::move(environment), kFiles));
}

std::string errors_of(const std::vector<std::string>& assignments, Environment environment = {}) {
  return joined(load_with_files(assignments, std::move(environment)).errors);
}

const tls::ClientOptions& redis_of(const LoadOutcome& outcome) {
  return outcome.settings.broker.redis.tls;
}

TEST(TlsConfigTest, EveryWayToAskForTlsTowardsRedisIsOne) {
  const std::string redis = "adapter.driver=redis";
  const std::string cluster = "adapter.driver=redis-cluster";
  const LoadOutcome outcomes[] = {
      load_set({}, {{"REDIS_URL", "rediss://r"}}),
      load_set({"database.redis.tls.enabled=true"}, {{"REDIS_URL", "r:6380"}}),
      load_set({redis, "database.redis.master_tls.enabled=true"}),
      load_set({redis}, {{"DATABASE_REDIS_TLS_ENABLED", "true"}}),
      load_set({cluster}, {{"REDIS_CLUSTER_NODES", "rediss://a,b:1"}}),
      load_set({cluster, "adapter.cluster.nodes=[a]", "database.redis.cluster.use_tls=true"}),
      load_set({cluster, "adapter.cluster.tls.enabled=true"}),
      load_set({"redis.cluster_mode=true"}, {{"REDIS_URL", "rediss://r"}})};
  for (const LoadOutcome& outcome : outcomes) {
    EXPECT_EQ(joined(outcome.errors) + joined(outcome.warnings), "");
    EXPECT_TRUE(redis_of(outcome).is_on);
    EXPECT_TRUE(redis_of(outcome).verifies);
  }
  EXPECT_FALSE(redis_of(load_set({}, {{"REDIS_URL", "r"}})).is_on);
}

TEST(TlsConfigTest, SentinelsHaveTlsAsRedisHasUnlessTheySayOther) {
  const std::vector<std::string> base = {"adapter.driver=redis", "database.redis.sentinels=[s]"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), base.begin(), base.end());
    const LoadOutcome outcome = load_set(more);
    EXPECT_EQ(joined(outcome.errors), "");
    const auto& redis = outcome.settings.broker.redis;
    return std::pair(redis.tls.is_on, redis.sentinel.has_tls);
  };
  const std::string on = "database.redis.tls.enabled=true";
  EXPECT_EQ(with({}), std::pair(false, false));
  EXPECT_EQ(with({on}), std::pair(true, true));
  EXPECT_EQ(with({on, "database.redis.sentinel_tls.enabled=false"}), std::pair(true, false));
  EXPECT_EQ(with({"database.redis.sentinel_tls.enabled=true"}), std::pair(false, true));
  EXPECT_EQ(with({"database.redis.sentinels=[\"rediss://s\"]"}), std::pair(false, true));
  EXPECT_EQ(with({on, "database.redis.sentinels=[\"redis://s\"]"}), std::pair(true, false));
}

TEST(TlsConfigTest, ATlsServerOfNatsIsTlsForAll) {
  const std::string nats = "adapter.driver=nats";
  for (const LoadOutcome& outcome :
       {load_set({nats}, {{"NATS_SERVERS", "tls://u:hunter2@a,b"}}),
        load_set({nats, "adapter.nats.tls.enabled=true"}, {{"NATS_SERVERS", "nats://a,b"}}),
        load_set({nats, "nats.tls.enabled=true"})}) {
    EXPECT_EQ(joined(outcome.errors) + joined(outcome.warnings), "");
    EXPECT_TRUE(outcome.settings.broker.nats.tls.is_on);
  }
  EXPECT_FALSE(load_set({nats}, {{"NATS_SERVERS", "nats://a"}}).settings.broker.nats.tls.is_on);
  const auto read = read_nats_servers({"TLS://n", "m:1"});
  ASSERT_TRUE(read.ok());
  EXPECT_TRUE(read.value().is_tls);
  EXPECT_EQ(read.value().addresses, (std::vector<std::string>{"n:4222", "m:1"}));
}

TEST(TlsConfigTest, SchemesAgainstTheKeyNameBoth) {
  EXPECT_EQ(errors_of({"database.redis.tls.enabled=true"}, {{"REDIS_URL", "redis://u:hunter2@r"}}),
            "env REDIS_URL: \"redis.url\" says something else than "
            "\"database.redis.tls.enabled\", which is true (--set database.redis.tls.enabled); "
            "remove one of the two\n");
  EXPECT_EQ(errors_of({"database.redis.tls.enabled=false"}, {{"REDIS_URL", "rediss://r"}}),
            "env REDIS_URL: \"redis.url\" says something else than "
            "\"database.redis.tls.enabled\", which is false (--set database.redis.tls.enabled); "
            "remove one of the two\n");
  const std::string cluster = "adapter.driver=redis-cluster";
  EXPECT_EQ(errors_of({cluster, "adapter.cluster.nodes=[\"redis://a\"]",
                       "database.redis.tls.enabled=true"}),
            "--set adapter.cluster.nodes: \"adapter.cluster.nodes\" asks for no TLS, against "
            "\"database.redis.tls.enabled\", which is true (--set database.redis.tls.enabled); "
            "remove one of the two\n");
  EXPECT_NE(errors_of({cluster, "adapter.cluster.nodes=[\"redis://a\", \"rediss://b\"]"})
                .find("write rediss:// for all or for none"),
            std::string::npos);
  EXPECT_EQ(errors_of({"adapter.driver=redis", "database.redis.sentinels=[\"rediss://s\"]",
                       "database.redis.sentinel_tls.enabled=false"}),
            "--set database.redis.sentinels: \"database.redis.sentinels\" asks for TLS, against "
            "\"database.redis.sentinel_tls.enabled\", which is false (--set "
            "database.redis.sentinel_tls.enabled); remove one of the two\n");
  EXPECT_EQ(errors_of({"adapter.driver=nats", "adapter.nats.servers=[\"tls://n\"]",
                       "adapter.nats.tls.enabled=false"}),
            "--set adapter.nats.servers: \"adapter.nats.servers\" asks for TLS, against "
            "\"adapter.nats.tls.enabled\", which is false (--set adapter.nats.tls.enabled); remove "
            "one of the two\n");
}

struct Broker {
  const char* section;
  const char* driver;
};

class TlsOfBroker : public testing::TestWithParam<Broker> {
 protected:
  std::string key(const char* name) const { return std::string(GetParam().section) + "." + name; }
  LoadOutcome outcome(std::vector<std::string> more, bool is_on = true) const {
    for (std::string& each : more) each = key(each.c_str());
    more.push_back(std::string("adapter.driver=") + GetParam().driver);
    if (is_on) more.push_back(key("enabled=true"));
    return load_with_files(more);
  }
};
INSTANTIATE_TEST_SUITE_P(Brokers, TlsOfBroker,
                         testing::Values(Broker{"database.redis.tls", "redis"},
                                         Broker{"adapter.nats.tls", "nats"}),
                         [](const auto& tested) { return std::string(tested.param.driver); });

TEST_P(TlsOfBroker, AllItsKeysAreHandedOn) {
  const LoadOutcome loaded =
      outcome({"ca_file=ca", "cert_file=cert", "key_file=key", "server_name=n"});
  EXPECT_EQ(joined(loaded.errors) + joined(loaded.warnings), "");
  const BrokerOptions& broker = loaded.settings.broker;
  const tls::ClientOptions& options =
      broker.driver == BrokerDriver::kNats ? broker.nats.tls : broker.redis.tls;
  EXPECT_TRUE(options.is_on && options.verifies);
  EXPECT_EQ(options.ca_file + options.cert_file + options.key_file + options.server_name,
            "cacertkeyn");
}

TEST_P(TlsOfBroker, KeysOfTlsThatIsOffStopTheStart) {
  for (const char* each :
       {"ca_file=ca", "cert_file=cert", "key_file=key", "server_name=n", "verify=false"}) {
    const std::string name = key(std::string(each).substr(0, std::string(each).find('=')).c_str());
    EXPECT_EQ(joined(outcome({each}, false).errors),
              "--set " + name + ": \"" + name + "\" is set while \"" + key("enabled") +
                  "\" is off (default), so nothing would be encrypted; turn that on, or remove "
                  "this key\n");
  }
  EXPECT_TRUE(outcome({"ca_file=", "verify=true"}, false).ok());
}

TEST_P(TlsOfBroker, HalfACertificateNamesBothKeys) {
  EXPECT_EQ(joined(outcome({"cert_file=cert"}).errors),
            "--set " + key("cert_file") + ": \"" + key("cert_file") + "\" is set and \"" +
                key("key_file") + "\" is not; a certificate needs its key: set both or none\n");
  EXPECT_EQ(joined(outcome({"key_file=key"}).errors),
            "--set " + key("key_file") + ": \"" + key("key_file") + "\" is set and \"" +
                key("cert_file") + "\" is not; a certificate needs its key: set both or none\n");
}

TEST_P(TlsOfBroker, AFileThatIsNotThereStopsTheStart) {
  EXPECT_EQ(joined(outcome({"ca_file=nowhere"}).errors),
            "--set " + key("ca_file") + ": \"" + key("ca_file") +
                "\": cannot read \"nowhere\": No such file or directory; name a PEM file that "
                "this node may read\n");
  EXPECT_EQ(outcome({"cert_file=nowhere", "key_file=nowhere"}).errors.size(), 2U);
}

TEST_P(TlsOfBroker, NoVerificationIsALoudWarning) {
  const LoadOutcome loaded = outcome({"verify=false"});
  EXPECT_EQ(joined(loaded.errors), "");
  EXPECT_NE(joined(loaded.warnings).find("anybody between this node and its broker"),
            std::string::npos)
      << joined(loaded.warnings);
}

TEST(TlsConfigTest, TypingErrorsBelowTlsAreFound) {
  for (const char* typed : {"database.redis.tls.ca_fil", "adapter.nats.tls.ca_fil"}) {
    EXPECT_NE(joined(load_set({std::string(typed) + "=x"}).errors)
                  .find("did you mean \"" + std::string(typed) + "e\"?"),
              std::string::npos);
  }
}

}  // namespace
}  // namespace mr::config
