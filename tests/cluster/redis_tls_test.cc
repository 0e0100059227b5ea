#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "cluster/bus_contract.h"
#include "cluster/epoll_driver.h"
#include "cluster/redis/cluster_bus.h"
#include "cluster/redis/redis_bus.h"
#include "net/worker_thread.h"
#include "support/certificates.h"
#include "support/redis_cluster.h"
#include "support/redis_sentinel.h"
#include "support/redis_server.h"
#include "tls/client_context.h"

namespace mr::cluster::test {
namespace {

using namespace std::chrono_literals;
using mr::test::Authority;
using mr::test::RedisClusterGroup;
using mr::test::RedisServer;
using mr::test::SentinelGroup;
using redis::ClusterBus;
using redis::RedisBus;
using redis::RedisOptions;

constexpr Subject kSubject = partition_subject(3);

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// What a back end over TLS has, whatever the servers are.
class SecureBackEnd : public BackEnd {
 public:
  SecureBackEnd() { worker_.start(); }
  ~SecureBackEnd() override { worker_.stop(); }

  net::Loop& loop() override { return driver_.loop(); }
  bool run_until(const std::function<bool()>& done, base::Duration limit) override {
    return driver_.run_until(done, limit);
  }
  std::unique_ptr<Bus> make_bus(const BusSetup& setup, BusEvents& events) override {
    RedisOptions options = with;
    options.prefix = setup.prefix;
    options.queue_bytes_max = setup.queue_bytes_max;
    if (options.tls.is_on || options.sentinel.has_tls) {
      auto made = tls::ClientContext::make(options.tls, "database.redis.tls");
      EXPECT_TRUE(made.ok());
      options.tls_context = std::move(made).value();
    }
    if (options.cluster_nodes.empty()) {
      return std::make_unique<RedisBus>(driver_.loop(), resolver_, options, events);
    }
    return std::make_unique<ClusterBus>(driver_.loop(), resolver_, options, events);
  }

  RedisOptions with;  // of buses that are made from now on

 private:
  EpollDriver driver_;
  net::WorkerThread worker_;
  net::Resolver resolver_{worker_};
};

const Authority& authority() {
  static const Authority kAuthority;
  return kAuthority;
}
const Authority::Certificate& of_loopback() {
  static const Authority::Certificate kOne = authority().sign("DNS:localhost,IP:127.0.0.1");
  return kOne;
}

RedisServer::Options secure(const Authority::Certificate& certificate = of_loopback()) {
  RedisServer::Options options;
  options.tls_ca_file = authority().ca_file();
  options.tls = certificate;
  return options;
}

class SecureRedis final : public SecureBackEnd {
 public:
  explicit SecureRedis(const RedisServer::Options& options = secure()) : server(options) {
    server.start();
    with.port = server.tls_port();
    with.tls.is_on = true;
    with.tls.ca_file = authority().ca_file();
  }
  void start_broker() override { server.start(); }
  void stop_broker() override { server.stop(); }
  void pause_broker() override { server.pause(); }
  void resume_broker() override { server.resume(); }
  std::string address() const override { return "127.0.0.1:" + std::to_string(server.tls_port()); }

  RedisServer server;
};

class SecureCluster final : public SecureBackEnd {
 public:
  explicit SecureCluster(std::shared_ptr<RedisClusterGroup> of) : group_(std::move(of)) {
    with.cluster_nodes = {{"127.0.0.1", control().tls_port()}};
    with.address_source = redis::AddressSource::kNodes;
    with.tls.is_on = true;
    with.tls.ca_file = authority().ca_file();
  }
  static std::shared_ptr<RedisClusterGroup> servers() {
    return std::make_shared<RedisClusterGroup>(
        RedisClusterGroup::Options{.tls_ca_file = authority().ca_file(), .tls = of_loopback()});
  }
  void start_broker() override { group_->start(); }
  void stop_broker() override {
    for (const auto& server : group_->servers) server->kill();
  }
  void pause_broker() override {
    for (const auto& server : group_->servers) server->pause();
  }
  void resume_broker() override {
    for (const auto& server : group_->servers) server->resume();
  }
  std::string address() const override {
    return "127.0.0.1:" + std::to_string(control().tls_port());
  }

 private:
  RedisServer& control() const { return *group_->servers[redis::slot_of("{control}") / 5461]; }

  const std::shared_ptr<RedisClusterGroup> group_;
};

class SecureSentinels final : public SecureBackEnd {
 public:
  SecureSentinels() : group({.tls_ca_file = authority().ca_file(), .tls = of_loopback()}) {
    with.sentinel.servers = group.addresses();
    with.sentinel.has_tls = true;
    with.host = "192.0.2.1";
    with.tls.is_on = true;
    with.tls.ca_file = authority().ca_file();
  }
  void start_broker() override { group.servers[0]->start(); }
  void stop_broker() override { group.servers[0]->kill(); }
  void pause_broker() override { group.servers[0]->pause(); }
  void resume_broker() override { group.servers[0]->resume(); }
  std::string address() const override {
    return "127.0.0.1:" + std::to_string(group.servers[0]->tls_port());
  }

  SentinelGroup group;
};

std::unique_ptr<BackEnd> make_redis() { return std::make_unique<SecureRedis>(); }
std::unique_ptr<BackEnd> make_cluster() {
  static const auto kServers = SecureCluster::servers();
  return std::make_unique<SecureCluster>(kServers);
}
std::unique_ptr<BackEnd> make_sentinels() { return std::make_unique<SecureSentinels>(); }

INSTANTIATE_TEST_SUITE_P(RedisTls, BusContract, testing::Values(&make_redis),
                         [](const auto&) { return std::string("Alone"); });
INSTANTIATE_TEST_SUITE_P(RedisTlsCluster, BusContract, testing::Values(&make_cluster),
                         [](const auto&) { return std::string("SixServers"); });
INSTANTIATE_TEST_SUITE_P(RedisTlsSentinel, BusContract, testing::Values(&make_sentinels),
                         [](const auto&) { return std::string("ThreeAndThree"); });

bool open(BackEnd& back_end, Listener& listener) {
  listener.start();
  return back_end.run_until([&] { return listener.is_open; }, 10s);
}

// The reason why a bus of these options does not open.
std::string loss_of(BackEnd& back_end) {
  Listener node(back_end);
  node.start();
  EXPECT_TRUE(back_end.run_until([&] { return !node.losses.empty(); }, 5s));
  EXPECT_EQ(node.opens, 0);
  return node.losses.empty() ? "" : node.losses.back();
}

TEST(RedisTlsTest, AnAuthorityThatNobodyNamedIsRefusedWithItsNameAndTheKey) {
  SecureRedis redis;
  redis.with.tls.ca_file.clear();
  const std::string why = loss_of(redis);
  EXPECT_TRUE(has(why, "TLS to Redis at " + redis.address())) << why;
  EXPECT_TRUE(has(why, "The authority of a test") && has(why, "this system")) << why;
  EXPECT_TRUE(has(why, "database.redis.tls.ca_file")) << why;

  const Authority other;
  redis.with.tls.ca_file = other.ca_file();
  const std::string of_other = loss_of(redis);
  EXPECT_TRUE(has(of_other, "database.redis.tls.ca_file does not name")) << of_other;
}

TEST(RedisTlsTest, TheSystemsAuthoritiesAreTrustedWithoutAFile) {
  // Where OpenSSL looks for them.
  setenv("SSL_CERT_FILE", authority().ca_file().c_str(), 1);
  SecureRedis redis;
  redis.with.tls.ca_file.clear();
  {
    Listener node(redis);
    EXPECT_TRUE(open(redis, node));
  }
  unsetenv("SSL_CERT_FILE");
}

TEST(RedisTlsTest, ACertificateForAnotherHostIsRefusedAndServerNameIsTheRemedy) {
  SecureRedis redis(secure(authority().sign("DNS:redis.example,IP:10.1.2.3")));
  const std::string why = loss_of(redis);
  EXPECT_TRUE(has(why, "\"redis.example, 10.1.2.3\" and not for \"127.0.0.1\"")) << why;
  EXPECT_TRUE(has(why, "database.redis.tls.server_name")) << why;
  redis.with.host = "localhost";
  EXPECT_TRUE(has(loss_of(redis), "not for \"localhost\""));
  for (const char* name : {"redis.example", "10.1.2.3"}) {
    redis.with.tls.server_name = name;
    Listener node(redis);
    EXPECT_TRUE(open(redis, node)) << name;
  }
  redis.with.tls.server_name = "other.example";
  EXPECT_TRUE(has(loss_of(redis), "not for \"other.example\""));
}

TEST(RedisTlsTest, ANameThatIsLookedUpIsTheOneThatTheCertificateMustHave) {
  SecureRedis redis(secure(authority().sign("DNS:localhost")));
  EXPECT_TRUE(has(loss_of(redis), "not for \"127.0.0.1\""));
  redis.with.host = "localhost";
  Listener node(redis);
  EXPECT_TRUE(open(redis, node));
}

TEST(RedisTlsTest, AnExpiredCertificateIsRefusedWithItsDate) {
  SecureRedis redis(secure(authority().sign("IP:127.0.0.1", -1)));
  const std::string why = loss_of(redis);
  EXPECT_TRUE(has(why, "the certificate for \"127.0.0.1\" expired on ")) << why;
  EXPECT_TRUE(has(why, "GMT: renew it there")) << why;
}

TEST(RedisTlsTest, WithoutVerificationAnyCertificateIsTaken) {
  SecureRedis redis(secure(authority().sign("DNS:other.example", -1)));
  redis.with.tls = {.is_on = true, .verifies = false};
  Listener node(redis);
  EXPECT_TRUE(open(redis, node));
}

TEST(RedisTlsTest, AServerThatWantsACertificateSaysSoAndTakesOneOfItsAuthority) {
  RedisServer::Options options = secure();
  options.arguments = {"--tls-auth-clients", "yes"};
  SecureRedis redis(options);
  const std::string none = loss_of(redis);
  EXPECT_TRUE(has(none, redis.address() + ": it refuses us without a certificate")) << none;
  EXPECT_TRUE(has(none, "database.redis.tls.cert_file")) << none;

  const Authority other;
  const Authority::Certificate strange = other.sign("DNS:node");
  redis.with.tls.cert_file = strange.cert_file;
  redis.with.tls.key_file = strange.key_file;
  const std::string wrong = loss_of(redis);
  EXPECT_TRUE(has(wrong, "it refuses the certificate of database.redis.tls.cert_file")) << wrong;

  const Authority::Certificate own = authority().sign("DNS:node");
  redis.with.tls.cert_file = own.cert_file;
  redis.with.tls.key_file = own.key_file;
  Listener node(redis);
  EXPECT_TRUE(open(redis, node));
}

TEST(RedisTlsTest, APortWithoutTlsAndOneWithItAreToldApart) {
  SecureRedis redis;
  redis.with.port = redis.server.port();
  const std::string plain = loss_of(redis);
  EXPECT_TRUE(has(plain, "name its port for TLS")) << plain;
  redis.with.port = redis.server.tls_port();
  redis.with.tls.is_on = false;
  const std::string secured = loss_of(redis);
  EXPECT_TRUE(has(secured, "wants TLS") || has(secured, "want TLS")) << secured;
  EXPECT_TRUE(has(secured, "database.redis.tls.enabled")) << secured;
}

TEST(RedisTlsTest, AServerThatHangsInTheHandshakeIsGivenUpInTime) {
  SecureRedis redis;
  redis.server.pause();
  const base::TimePoint begin = redis.loop().clock().now();
  const std::string why = loss_of(redis);
  const base::Duration took = redis.loop().clock().now() - begin;
  EXPECT_TRUE(has(why, "did not speak TLS within 1000 ms")) << why;
  EXPECT_LE(took, 2s);
  redis.server.resume();
}

TEST(RedisTlsTest, ThePasswordIsGivenOnlyToWhoeverHasTheRightCertificate) {
  RedisServer::Options options = secure(authority().sign("DNS:other.example"));
  options.password = "hunter22";
  SecureRedis redis(options);
  redis.with.password = "hunter22";
  const std::string why = loss_of(redis);
  EXPECT_FALSE(has(why, "hunter22")) << why;
  redis.with.tls.server_name = "other.example";
  Listener node(redis);
  EXPECT_TRUE(open(redis, node));
}

TEST(RedisTlsTest, AServerThatComesBackIsFoundAgain) {
  SecureRedis redis;
  Listener node(redis);
  node.when_open = [&] { node.subscribe(kSubject, static_cast<std::uint32_t>(node.opens)); };
  ASSERT_TRUE(open(redis, node));
  for (std::uint32_t round = 2; round < 5; ++round) {
    redis.server.kill();
    ASSERT_TRUE(redis.run_until([&] { return !node.is_open; }, 3s));
    redis.server.start();
    ASSERT_TRUE(redis.run_until([&] { return node.has_confirmed(kSubject, round); }, 3s));
    node.got.clear();
    ASSERT_TRUE(node.publish(kSubject, "again"));
    ASSERT_TRUE(redis.run_until([&] { return !node.got.empty(); }, 3s));
  }
}

TEST(RedisTlsTest, ThePrimaryThatSentinelsNameIsCheckedToo) {
  SecureSentinels redis;
  redis.with.tls.server_name = "other.example";
  const std::string why = loss_of(redis);
  EXPECT_TRUE(has(why, "not for \"other.example\"")) << why;
  redis.with.tls.server_name.clear();
  redis.with.sentinel.has_tls = false;
  EXPECT_TRUE(has(loss_of(redis), "TLS"));
}

}  // namespace
}  // namespace mr::cluster::test
