#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "cluster/bus_contract.h"
#include "cluster/epoll_driver.h"
#include "cluster/nats/nats_bus.h"
#include "support/certificates.h"
#include "support/nats_server.h"

namespace mr::cluster::test {
namespace {

using namespace std::chrono_literals;
using mr::test::Authority;
using mr::test::NatsServer;
using nats::NatsBus;
using nats::NatsLink;
using nats::NatsOptions;

constexpr Subject kSubject = partition_subject(3);

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

const Authority& authority() {
  static const Authority kAuthority;
  return kAuthority;
}
const Authority::Certificate& of_loopback() {
  static const Authority::Certificate kOne = authority().sign("DNS:localhost,IP:127.0.0.1");
  return kOne;
}

// `more` stands in the section of TLS.
NatsServer::Options secure(const Authority::Certificate& certificate = of_loopback(),
                           const std::string& more = {}) {
  return {.has_jetstream = false,
          .has_tls = true,
          .config = "tls { cert_file: \"" + certificate.cert_file + "\", key_file: \"" +
                    certificate.key_file + "\", ca_file: \"" + authority().ca_file() + "\", " +
                    more + " }"};
}

class SecureNats final : public BackEnd {
 public:
  explicit SecureNats(const NatsServer::Options& options = secure()) : server(options) {
    server.start();
    with.servers = {server.address()};
    with.tls.is_on = true;
    with.tls.ca_file = authority().ca_file();
  }

  net::Loop& loop() override { return driver_.loop(); }
  bool run_until(const std::function<bool()>& done, base::Duration limit) override {
    return driver_.run_until(done, limit);
  }
  std::unique_ptr<Bus> make_bus(const BusSetup& setup, BusEvents& events) override {
    NatsOptions options = with;
    options.prefix = setup.prefix;
    options.queue_bytes_max = setup.queue_bytes_max;
    links_.push_back(std::make_unique<NatsLink>(driver_.loop(), std::move(options)));
    return std::make_unique<NatsBus>(driver_.loop(), *links_.back(), events,
                                     NatsBus::kMailboxBytesMax);
  }
  void start_broker() override { server.start(); }
  void stop_broker() override { server.stop(); }
  void pause_broker() override { server.pause(); }
  void resume_broker() override { server.resume(); }
  std::string address() const override { return server.address(); }

  NatsServer server;
  NatsOptions with;  // of nodes that are made from now on

 private:
  EpollDriver driver_;
  std::vector<std::unique_ptr<NatsLink>> links_;
};

std::unique_ptr<BackEnd> make_nats() { return std::make_unique<SecureNats>(); }

INSTANTIATE_TEST_SUITE_P(NatsTls, BusContract, testing::Values(&make_nats),
                         [](const auto&) { return std::string("Alone"); });

bool open(SecureNats& nats, Listener& listener) {
  listener.start();
  return nats.run_until([&] { return listener.is_open; }, 10s);
}

// The reason why a bus of these options does not open.
std::string loss_of(SecureNats& nats) {
  Listener node(nats);
  node.start();
  EXPECT_TRUE(nats.run_until([&] { return !node.losses.empty(); }, 5s));
  EXPECT_EQ(node.opens, 0);
  return node.losses.empty() ? "" : node.losses.back();
}

TEST(NatsTlsTest, AnAuthorityThatNobodyNamedIsRefusedWithItsNameAndTheKey) {
  SecureNats nats;
  nats.with.tls.ca_file.clear();
  const std::string why = loss_of(nats);
  EXPECT_TRUE(has(why, "TLS to NATS at " + nats.address())) << why;
  EXPECT_TRUE(has(why, "The authority of a test") && has(why, "this system")) << why;
  EXPECT_TRUE(has(why, "adapter.nats.tls.ca_file")) << why;
  const Authority other;
  nats.with.tls.ca_file = other.ca_file();
  EXPECT_TRUE(has(loss_of(nats), "adapter.nats.tls.ca_file does not name"));
}

TEST(NatsTlsTest, TheSystemsAuthoritiesAreTrustedWithoutAFile) {
  setenv("SSL_CERT_FILE", authority().ca_file().c_str(), 1);
  SecureNats nats;
  nats.with.tls.ca_file.clear();
  {
    Listener node(nats);
    EXPECT_TRUE(open(nats, node));
  }
  unsetenv("SSL_CERT_FILE");
}

TEST(NatsTlsTest, ACertificateForAnotherHostIsRefusedAndServerNameIsTheRemedy) {
  SecureNats nats(secure(authority().sign("DNS:nats.example,IP:10.1.2.3")));
  const std::string why = loss_of(nats);
  EXPECT_TRUE(has(why, "and not for \"127.0.0.1")) << why;
  EXPECT_TRUE(has(why, "adapter.nats.tls.server_name")) << why;
  for (const char* name : {"nats.example", "10.1.2.3"}) {
    nats.with.tls.server_name = name;
    Listener node(nats);
    EXPECT_TRUE(open(nats, node)) << name;
  }
  nats.with.tls.server_name = "other.example";
  EXPECT_TRUE(has(loss_of(nats), "not for \"other.example\""));
}

TEST(NatsTlsTest, ANameThatIsLookedUpIsTheOneThatTheCertificateMustHave) {
  SecureNats nats(secure(authority().sign("DNS:localhost")));
  EXPECT_TRUE(has(loss_of(nats), "and not for \"127.0.0.1"));
  nats.with.servers = {"localhost" + nats.address().substr(nats.address().rfind(':'))};
  Listener node(nats);
  EXPECT_TRUE(open(nats, node));
}

TEST(NatsTlsTest, AnExpiredCertificateIsRefused) {
  SecureNats nats(secure(authority().sign("IP:127.0.0.1", -1)));
  const std::string why = loss_of(nats);
  EXPECT_TRUE(has(why, "expired: renew it there")) << why;
}

TEST(NatsTlsTest, WithoutVerificationAnyCertificateIsTaken) {
  SecureNats nats(secure(authority().sign("DNS:other.example", -1)));
  nats.with.tls = {.is_on = true, .verifies = false};
  Listener node(nats);
  EXPECT_TRUE(open(nats, node));
}

TEST(NatsTlsTest, AServerThatWantsACertificateTakesOneOfItsAuthority) {
  SecureNats nats(secure(of_loopback(), "verify: true"));
  const std::string none = loss_of(nats);
  EXPECT_TRUE(has(none, nats.address()) && has(none, "adapter.nats.tls.cert_file")) << none;

  const Authority other;
  const Authority::Certificate strange = other.sign("DNS:node");
  nats.with.tls.cert_file = strange.cert_file;
  nats.with.tls.key_file = strange.key_file;
  const std::string wrong = loss_of(nats);
  EXPECT_TRUE(has(wrong, "refuses the certificate of adapter.nats.tls.cert_file")) << wrong;

  const Authority::Certificate own = authority().sign("DNS:node");
  nats.with.tls.cert_file = own.cert_file;
  nats.with.tls.key_file = own.key_file;
  Listener node(nats);
  EXPECT_TRUE(open(nats, node));
}

TEST(NatsTlsTest, AServerWithoutTlsIsNotSpokenTo) {
  SecureNats nats({.has_jetstream = false, .config = "authorization { token: hunter22 }"});
  nats.with.token = "hunter22";
  const std::string why = loss_of(nats);
  EXPECT_TRUE(has(why, "has no TLS, and nothing is said to it without")) << why;
  EXPECT_FALSE(has(why, "hunter22")) << why;
}

// libnats waits for ever there.
TEST(NatsTlsTest, AServerThatHangsInTheHandshakeIsGivenUpInTime) {
  const int listening = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = mr::test::loopback(0);
  socklen_t length = sizeof address;
  ASSERT_EQ(bind(listening, reinterpret_cast<sockaddr*>(&address), length), 0);
  ASSERT_EQ(listen(listening, 4), 0);
  getsockname(listening, reinterpret_cast<sockaddr*>(&address), &length);
  EpollDriver driver;
  {
    NatsOptions with;
    with.servers = {"127.0.0.1:" + std::to_string(ntohs(address.sin_port))};
    with.tls.is_on = true;
    NatsLink link(driver.loop(), with);
    struct Quiet final : BusEvents {
      void on_open() override { ADD_FAILURE(); }
      void on_lost(std::string_view text) override { why = text; }
      void on_subscribed(Subject, Generation) override {}
      void on_envelope(Subject, std::string_view) override {}
      std::string why;
    } events;
    NatsBus bus(driver.loop(), link, events, NatsBus::kMailboxBytesMax);
    bus.start();
    const int peer = accept(listening, nullptr, nullptr);
    ASSERT_GE(peer, 0);
    const std::string_view greeting =
        "INFO {\"server_id\":\"x\",\"version\":\"2.9.10\",\"proto\":1,\"tls_required\":true,"
        "\"max_payload\":1048576}\r\n";
    ASSERT_EQ(send(peer, greeting.data(), greeting.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(greeting.size()));
    const base::TimePoint begin = driver.loop().clock().now();
    EXPECT_TRUE(driver.run_until([&] { return !events.why.empty(); }, 5s));
    EXPECT_LE(driver.loop().clock().now() - begin, 2s);
    EXPECT_TRUE(has(events.why, "TLS to NATS at ")) << events.why;
    EXPECT_TRUE(has(events.why, "was not finished within 1000 ms")) << events.why;
    bus.stop();
    ::close(peer);
    ::close(listening);
  }
}

TEST(NatsTlsTest, AServerThatComesBackIsFoundAgain) {
  SecureNats nats;
  Listener node(nats);
  node.when_open = [&] { node.subscribe(kSubject, static_cast<std::uint32_t>(node.opens)); };
  ASSERT_TRUE(open(nats, node));
  for (std::uint32_t round = 2; round < 5; ++round) {
    nats.server.kill();
    ASSERT_TRUE(nats.run_until([&] { return !node.is_open; }, 3s));
    nats.server.start();
    ASSERT_TRUE(nats.run_until([&] { return node.has_confirmed(kSubject, round); }, 3s));
    node.got.clear();
    ASSERT_TRUE(node.publish(kSubject, "again"));
    ASSERT_TRUE(nats.run_until([&] { return !node.got.empty(); }, 3s));
  }
}

// A file that went after the start.
TEST(NatsTlsTest, AFileThatIsGoneIsNamed) {
  SecureNats nats;
  nats.with.tls.ca_file = authority().file("gone.pem");
  const std::string why = loss_of(nats);
  EXPECT_TRUE(has(why, "gone.pem") && has(why, "adapter.nats.tls")) << why;
}

}  // namespace
}  // namespace mr::cluster::test
