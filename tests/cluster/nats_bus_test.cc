#include "cluster/nats/nats_bus.h"

#include <gtest/gtest.h>
#include <nats/nats.h>

#include <algorithm>
#include <thread>

#include "cluster/bus_contract.h"
#include "cluster/epoll_driver.h"
#include "net/epoll_runtime.h"
#include "support/nats_server.h"

namespace mr::cluster::test {
namespace {

using namespace std::chrono_literals;
using mr::test::NatsServer;
using nats::NatsBus;
using nats::NatsLink;
using nats::NatsOptions;

constexpr Subject kSubject = partition_subject(3);

// Made before and destroyed after what uses it. Buses with the same options are of one node.
class Nats final : public BackEnd {
 public:
  explicit Nats(const NatsServer::Options& options = {.has_jetstream = false}) : server(options) {
    server.start();
    with.servers = {server.address()};
  }

  net::Loop& loop() override { return driver_.loop(); }
  bool run_until(const std::function<bool()>& done, base::Duration limit) override {
    return driver_.run_until(done, limit);
  }
  std::unique_ptr<Bus> make_bus(const BusSetup& setup, BusEvents& events) override {
    NatsOptions options = with;
    options.prefix = setup.prefix;
    options.queue_bytes_max = setup.queue_bytes_max;
    const auto same = std::ranges::find_if(links_, [&](const auto& link) {
      return is_one_node && link->options().prefix == options.prefix &&
             link->options().queue_bytes_max == options.queue_bytes_max;
    });
    if (same != links_.end()) return bus_of(**same, events);
    links_.push_back(std::make_unique<NatsLink>(driver_.loop(), std::move(options)));
    return bus_of(*links_.back(), events);
  }
  void start_broker() override { server.start(); }
  void stop_broker() override { server.stop(); }
  void pause_broker() override { server.pause(); }
  void resume_broker() override { server.resume(); }
  std::string address() const override { return server.address(); }

  static const NatsBus::Counters& counters_of(const Listener& listener) {
    return static_cast<const NatsBus&>(listener.bus()).counters();
  }

  NatsServer server;
  NatsOptions with;  // of nodes that are made from now on
  bool is_one_node = false;
  std::size_t mailbox_bytes_max = NatsBus::kMailboxBytesMax;

 private:
  std::unique_ptr<Bus> bus_of(NatsLink& link, BusEvents& events) {
    return std::make_unique<NatsBus>(driver_.loop(), link, events, mailbox_bytes_max);
  }

  EpollDriver driver_;
  std::vector<std::unique_ptr<NatsLink>> links_;
};

std::unique_ptr<BackEnd> make_nats() { return std::make_unique<Nats>(); }
std::unique_ptr<BackEnd> make_nats_of_one_node() {
  auto nats = std::make_unique<Nats>();
  nats->is_one_node = true;
  return nats;
}

INSTANTIATE_TEST_SUITE_P(Nats, BusContract, testing::Values(&make_nats, &make_nats_of_one_node),
                         [](const auto& tested) {
                           return std::string(tested.index == 0 ? "NodeEach" : "OneNode");
                         });

bool open(Nats& nats, Listener& listener) {
  listener.start();
  return nats.run_until([&] { return listener.is_open; }, 10s);
}

bool subscribe(Nats& nats, Listener& listener, Subject subject, std::uint32_t generation = 1) {
  listener.subscribe(subject, generation);
  return nats.run_until([&] { return listener.has_confirmed(subject, generation); }, 5s);
}

// The reason why it does not open.
std::string loss_of(Nats& nats, Listener& listener) {
  listener.start();
  EXPECT_TRUE(nats.run_until([&] { return !listener.losses.empty(); }, 5s));
  return listener.losses.empty() ? "" : listener.losses.back();
}

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

TEST(NatsBusTest, BusesOfOneNodeShareItsConnection) {
  const auto back_end = make_nats_of_one_node();
  auto& nats = static_cast<Nats&>(*back_end);
  const std::uint64_t before = nats.server.connections();
  Listener first(nats), second(nats);
  for (Listener* each : {&first, &second}) {
    ASSERT_TRUE(open(nats, *each));
    ASSERT_TRUE(subscribe(nats, *each, kSubject));
  }
  EXPECT_EQ(nats.server.connections() - before, 2U) << "theirs, and the one that asks";
  first.publish(kSubject, "0");
  ASSERT_TRUE(nats.run_until([&] { return !first.got.empty() && !second.got.empty(); }, 5s));
  second.stop();
  first.publish(kSubject, "1");
  ASSERT_TRUE(nats.run_until([&] { return first.got.size() == 2; }, 5s));
  EXPECT_EQ(second.got.size(), 1U);
  nats.server.kill();
  ASSERT_TRUE(nats.run_until([&] { return !first.is_open; }, 3s));
  nats.server.start();
  ASSERT_TRUE(nats.run_until([&] { return first.is_open; }, 2s));
  ASSERT_TRUE(open(nats, second));
}

TEST(NatsBusTest, SubjectsHaveTheirNames) {
  Nats nats;
  Listener node(nats, {.prefix = "mr-test"});
  ASSERT_TRUE(open(nats, node));
  ASSERT_TRUE(subscribe(nats, node, kSubject));
  ASSERT_TRUE(subscribe(nats, node, Subject::kControl));
  nats.server.ask(NatsServer::publish("mr-test.bus.3", "partition") +
                  NatsServer::publish("mr-test.bus.4", "other") +
                  NatsServer::publish("mr-test.bus.control", "beat"));
  ASSERT_TRUE(nats.run_until([&] { return node.got.size() == 2; }, 5s));
  EXPECT_EQ(node.got[0], std::pair(kSubject, std::string("partition")));
  EXPECT_EQ(node.got[1], std::pair(Subject::kControl, std::string("beat")));
}

TEST(NatsBusTest, AnotherServerOfTheListIsTaken) {
  Nats nats;
  nats.with.servers.insert(nats.with.servers.begin(),
                           "127.0.0.1:" + std::to_string(mr::test::free_port()));
  Listener node(nats);
  EXPECT_TRUE(open(nats, node));
}

TEST(NatsBusTest, AUserOrATokenIsGiven) {
  Nats with_user({.config = "authorization { user: mr, password: hunter22 }"});
  with_user.with.username = "mr";
  with_user.with.password = "hunter22";
  Listener user(with_user);
  EXPECT_TRUE(open(with_user, user));

  Nats with_token({.config = "authorization { token: hunter22 }"});
  with_token.with.token = "hunter22";
  Listener token(with_token);
  EXPECT_TRUE(open(with_token, token));
}

TEST(NatsBusTest, AWrongOrMissingLoginIsToldWithItsKeysAndNotShown) {
  for (const char* config :
       {"authorization { user: mr, password: hunter22 }", "authorization { token: hunter22 }"}) {
    Nats nats({.config = config});
    Listener missing(nats);
    EXPECT_TRUE(has(loss_of(nats, missing), "adapter.nats.username")) << missing.losses.back();
    nats.with.username = "mr";
    nats.with.password = "letmein77";
    Listener wrong(nats);
    const std::string why = loss_of(nats, wrong);
    EXPECT_TRUE(has(why, nats.address()) && has(why, "adapter.nats.password") &&
                has(why, "adapter.nats.token"))
        << why;
    EXPECT_FALSE(has(why, "letmein77") || has(why, "hunter22")) << why;
  }
}

TEST(NatsBusTest, TheRightsThatAreAdvisedAreEnough) {
  Nats nats({.config = R"(authorization { users: [ { user: mr, password: hunter22, permissions: {
      publish: "millrace.bus.>", subscribe: "millrace.bus.>" } } ] })"});
  nats.with.username = "mr";
  nats.with.password = "hunter22";
  Listener node(nats);
  ASSERT_TRUE(open(nats, node));
  ASSERT_TRUE(subscribe(nats, node, kSubject));
  node.publish(kSubject, "a");
  EXPECT_TRUE(nats.run_until([&] { return node.got.size() == 1; }, 5s));
}

TEST(NatsBusTest, ASubscriptionThatIsRefusedIsALossWithTheRights) {
  Nats nats({.config = R"(authorization { users: [ { user: mr, password: hunter22, permissions: {
      publish: "millrace.bus.>", subscribe: "millrace.bus.echo.>" } } ] })"});
  nats.with.username = "mr";
  nats.with.password = "hunter22";
  Listener node(nats);
  ASSERT_TRUE(open(nats, node));
  node.subscribe(kSubject);
  ASSERT_TRUE(nats.run_until([&] { return !node.losses.empty(); }, 5s));
  EXPECT_TRUE(has(node.losses[0], "Permissions Violation for Subscription") &&
              has(node.losses[0], "subscribe to millrace.bus.>"))
      << node.losses[0];
  EXPECT_FALSE(has(node.losses[0], "hunter22"));
}

TEST(NatsBusTest, APublishThatIsRefusedIsCounted) {
  Nats nats({.config = R"(authorization { users: [ { user: mr, password: hunter22, permissions: {
      publish: "millrace.bus.echo.>", subscribe: "millrace.bus.>" } } ] })"});
  nats.with.username = "mr";
  nats.with.password = "hunter22";
  Listener node(nats);
  ASSERT_TRUE(open(nats, node));
  node.publish(kSubject, "a");
  EXPECT_TRUE(nats.run_until([&] { return Nats::counters_of(node).publish_errors == 1; }, 5s));
  EXPECT_TRUE(has(Nats::counters_of(node).last_error, "Permissions Violation for Publish"));
  EXPECT_TRUE(node.is_open);
}

TEST(NatsBusTest, ABusWithoutAnyRightsSaysWhyItDoesNotOpen) {
  Nats nats({.config = R"(authorization { users: [ { user: mr, password: hunter22, permissions: {
      publish: "other.>", subscribe: "other.>" } } ] })"});
  nats.with.username = "mr";
  nats.with.password = "hunter22";
  Listener node(nats);
  EXPECT_TRUE(has(loss_of(nats, node), "millrace.bus.>")) << node.losses.back();
}

TEST(NatsBusTest, AnEnvelopeAboveTheServersLimitIsCountedAndLosesNothingElse) {
  Nats nats({.config = "max_payload: 1000"});
  Listener node(nats);
  ASSERT_TRUE(open(nats, node));
  ASSERT_TRUE(subscribe(nats, node, kSubject));
  node.publish(kSubject, std::string(1001, 'x'));
  node.publish(kSubject, "after");
  ASSERT_TRUE(nats.run_until([&] { return !node.got.empty(); }, 5s));
  EXPECT_EQ(node.got[0].second, "after");
  EXPECT_EQ(Nats::counters_of(node).publish_errors, 1U);
  EXPECT_TRUE(has(Nats::counters_of(node).last_error, "max_payload"));
}

TEST(NatsBusTest, ALossIsToldOnceWhileItsReasonLasts) {
  Nats nats;
  nats.with.retry = 50ms;
  nats.server.stop();
  Listener node(nats);
  node.start();
  nats.run_until([] { return false; }, 500ms);
  EXPECT_EQ(node.losses.size(), 1U);
}

TEST(NatsBusTest, WhatALoopHasNoRoomForIsALossAndItComesBack) {
  Nats nats;
  nats.mailbox_bytes_max = 1 << 20;
  Listener slow(nats);
  ASSERT_TRUE(open(nats, slow));
  ASSERT_TRUE(subscribe(nats, slow, kSubject));
  // Its loop does not run while these are published.
  std::string all;
  for (int i = 0; i < 100; ++i) {
    all += NatsServer::publish("millrace.bus.3", std::string(60'000, 'x'));
  }
  nats.server.ask(all);
  ASSERT_TRUE(nats.run_until([&] { return !slow.losses.empty(); }, 5s));
  EXPECT_TRUE(has(slow.losses[0], "dropped")) << slow.losses[0];
  EXPECT_EQ(Nats::counters_of(slow).overruns, 1U);
  EXPECT_LT(slow.got.size(), 100U);
  EXPECT_TRUE(nats.run_until([&] { return slow.is_open; }, 2s));
  ASSERT_TRUE(subscribe(nats, slow, kSubject, 2));
  slow.got.clear();
  slow.publish(kSubject, "after");
  ASSERT_TRUE(nats.run_until([&] { return !slow.got.empty(); }, 5s));
  EXPECT_EQ(slow.got[0].second, "after");
}

TEST(NatsBusTest, AnIdleBusStaysOpen) {
  Nats nats;
  Listener node(nats);
  ASSERT_TRUE(open(nats, node));
  node.subscribe(kSubject);
  nats.run_until([] { return false; }, nats.with.silence + 600ms);
  EXPECT_TRUE(node.losses.empty()) << node.losses[0];
}

// Opens, subscribes, publishes and listens on a loop with a thread of its own.
class Speaker final : public BusEvents {
 public:
  static constexpr std::size_t kEach = 500;

  Speaker(net::Loop& loop, NatsLink& link, std::function<void()> done)
      : bus_(loop, link, *this), done_(std::move(done)) {}
  ~Speaker() = default;

  NatsBus& bus() { return bus_; }
  std::size_t got() const { return got_; }

 private:
  void on_open() override { bus_.subscribe(kSubject, Generation{1}); }
  void on_lost(std::string_view) override {}
  void on_subscribed(Subject subject, Generation) override {
    if (subject != kSubject) return;
    for (std::size_t i = 0; i < kEach; ++i) bus_.publish(kSubject, std::string(i, 'x'));
  }
  void on_envelope(Subject, std::string_view) override {
    if (++got_ >= kEach && !std::exchange(is_done_, true)) done_();
  }

  NatsBus bus_;
  std::function<void()> done_;
  std::size_t got_ = 0;
  bool is_done_ = false;
};

TEST(NatsBusTest, LoopsWithThreadsOfTheirOwnShareALink) {
  NatsServer server({.has_jetstream = false});
  ASSERT_TRUE(server.start());
  net::EpollRuntime runtime(3);
  NatsOptions options;
  options.servers = {server.address()};
  NatsLink link(runtime.control(), options);
  std::size_t missing = runtime.loop_count();
  std::vector<std::unique_ptr<Speaker>> speakers;
  for (std::size_t i = 0; i < runtime.loop_count(); ++i) {
    speakers.push_back(std::make_unique<Speaker>(runtime.loop(i), link, [&] {
      runtime.control().post([&] {
        if (--missing == 0) runtime.stop();
      });
    }));
    speakers.back()->bus().start();
  }
  runtime.control().after(20s, [&] { runtime.stop(); });
  runtime.start();
  EXPECT_TRUE(runtime.run_until_stopped());
  EXPECT_EQ(missing, 0U);
  for (const auto& speaker : speakers) EXPECT_GE(speaker->got(), Speaker::kEach);
}

TEST(NatsBusTest, PrefixesThatAreNoSubjectsAreRefused) {
  for (const char* good : {"millrace", "a.b", "sockudo_adapter:", "a-b_C9"}) {
    EXPECT_FALSE(nats::prefix_problem(good)) << good;
  }
  for (const char* bad : {"", "a b", "a*", ">", ".a", "a.", "a..b", "$JS", "\xc3\xa4", "a\n"}) {
    EXPECT_TRUE(nats::prefix_problem(bad)) << bad;
  }
  EXPECT_TRUE(nats::prefix_problem(std::string(129, 'x')));
}

// A leak checker sees it.
TEST(NatsSessionTest, ASubscriptionThatMeetsTheEndOfItsConnectionIsNotLost) {
  Nats nats;
  for (int round = 0; round < 20; ++round) {
    auto session = nats::Session::connect(nats.with, {[] {}, [](std::string) {}, [] {}});
    ASSERT_TRUE(session.ok());
    std::thread closer([&] { natsConnection_Close(session.value()->raw()); });
    for (int i = 0; i < 300; ++i) {
      const auto ignored = [text = std::string(100, 'x')](std::string_view, std::string_view) {};
      session.value()->subscribe("a", ignored);
    }
    closer.join();
  }
}

}  // namespace
}  // namespace mr::cluster::test
