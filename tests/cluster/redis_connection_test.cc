#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "cluster/redis/connection.h"
#include "cluster/redis/redis_bus.h"
#include "net/sim/sim_runtime.h"

namespace mr::cluster::redis {
namespace {

using namespace std::chrono_literals;

// A server of which the test says each byte: one listener, its connections one after another.
class ScriptedServer final : private net::AcceptEvents, private net::SocketEvents {
 public:
  explicit ScriptedServer(net::Loop& loop) : loop_(loop) { listen(); }

  void listen() { listener_ = loop_.listen({.address = {"10.0.0.2", 6379}}, *this).value(); }
  void stop_listening() { loop_.close_listener(listener_); }
  void say(std::string_view bytes) {
    out_ += bytes;
    write();
  }
  void hang_up() { loop_.close(std::exchange(socket_, net::SocketHandle::kNone)); }
  // What came since the last call; its answers to PING are left to the test.
  std::string take() { return std::exchange(got_, {}); }
  const std::string& got() const { return got_; }
  void set_reading(bool reading) {
    is_reading_ = reading;
    if (reading) read();
  }

  int accepted = 0;
  bool is_refusing = false;  // ends connections at once

 private:
  void on_accept(net::SocketHandle socket, const net::PeerAddress&) override {
    ++accepted;
    if (is_refusing) return loop_.close(socket);
    socket_ = socket;
    loop_.watch(socket, *this);
  }
  void on_ready(net::Ready ready) override {
    if (ready.readable && is_reading_) read();
    if (ready.writable) write();
  }
  void write() {
    while (!out_.empty() && socket_ != net::SocketHandle::kNone) {
      const iovec part{out_.data(), out_.size()};
      const net::IoResult put = loop_.write(socket_, {&part, 1});
      if (put.status != net::IoStatus::kOk) return;
      out_.erase(0, put.bytes);
    }
  }
  void read() {
    while (socket_ != net::SocketHandle::kNone) {
      const std::span<std::byte> buffer = loop_.read_buffer();
      const net::IoResult result = loop_.read(socket_, buffer);
      if (result.status == net::IoStatus::kBlocked) return;
      if (result.status == net::IoStatus::kClosed) return hang_up();
      got_.append(reinterpret_cast<const char*>(buffer.data()), result.bytes);
    }
  }

  net::Loop& loop_;
  net::ListenerHandle listener_{};
  net::SocketHandle socket_ = net::SocketHandle::kNone;
  bool is_reading_ = true;
  std::string got_;
  std::string out_;
};

constexpr std::string_view kPing = "*1\r\n$4\r\nPING\r\n";

class RedisConnectionTest : public testing::Test, protected ConnectionEvents {
 protected:
  RedisConnectionTest() {
    options.host = "10.0.0.2";
    std::printf("seed %llu\n", static_cast<unsigned long long>(seed_));
  }

  void on_ready() override { ++ready; }
  void on_push(const Reply& push) override { pushes.push_back(push); }
  void on_closed(std::string_view why) override {
    losses.emplace_back(why);
    answered_at_loss = replies.size();
  }

  bool wait(base::Function<bool()> done, base::Duration limit = 10s) {
    return sim.run_until(std::move(done), limit);
  }
  void open() {
    connection.open();
    ASSERT_TRUE(wait([this] { return server.got().ends_with(kPing); }));
    server.take();
    server.say("+PONG\r\n");
    ASSERT_TRUE(wait([this] { return ready == 1; }));
  }
  bool command(std::vector<std::string_view> args) {
    return connection.command(args, [this](const Reply& reply) { replies.push_back(reply); });
  }
  bool has_loss(std::string_view part) const {
    return losses.size() == 1 && losses[0].find(part) != std::string::npos;
  }

 private:
  const std::uint64_t seed_ = base::SystemRandom().next();

 protected:
  RedisOptions options;
  net::sim::Sim sim{seed_};
  net::sim::SimNetwork network{sim};
  net::sim::SimRuntime here{sim, network, {.host = "10.0.0.1", .loops = 1}};
  net::sim::SimRuntime there{sim, network, {.host = "10.0.0.2", .loops = 1}};
  net::Resolver resolver{
      here.worker(), [](const std::string&, std::uint16_t port) {
        return net::Addresses(std::vector<net::Address>{{"10.0.0.9", port}, {"10.0.0.2", port}});
      }};
  ScriptedServer server{there.loop(0)};
  Connection connection{here.loop(0), resolver, options, *this};
  int ready = 0;
  std::vector<Reply> pushes;
  std::vector<Reply> replies;
  std::vector<std::string> losses;
  std::size_t answered_at_loss = 0;
};

TEST_F(RedisConnectionTest, GreetsWithPasswordDatabaseAndName) {
  options.username = "u";
  options.password = "p";
  options.db = 12;
  options.client_name = "n";
  connection.open();
  ASSERT_TRUE(wait([this] { return server.got().ends_with(kPing); }));
  EXPECT_EQ(server.take(),
            "*3\r\n$4\r\nAUTH\r\n$1\r\nu\r\n$1\r\np\r\n"
            "*2\r\n$6\r\nSELECT\r\n$2\r\n12\r\n"
            "*3\r\n$6\r\nCLIENT\r\n$7\r\nSETNAME\r\n$1\r\nn\r\n"
            "*1\r\n$4\r\nPING\r\n");
  EXPECT_FALSE(command({"GET", "early"}));
  // A server that knows no names is good enough.
  server.say("+OK\r\n+OK\r\n-ERR unknown command\r\n+PONG\r\n");
  ASSERT_TRUE(wait([this] { return ready == 1; }));
  EXPECT_TRUE(losses.empty());
}

TEST_F(RedisConnectionTest, CommandsArePipelinedAndAnsweredInOrder) {
  open();
  EXPECT_TRUE(command({"GET", "a"}));
  EXPECT_TRUE(command({"SET", std::string_view("b\0", 2), ""}));
  EXPECT_TRUE(server.got().empty());
  const std::string get = "*2\r\n$3\r\nGET\r\n$1\r\na\r\n";
  const std::string set = std::string("*3\r\n$3\r\nSET\r\n$2\r\nb") + '\0' + "\r\n$0\r\n\r\n";
  ASSERT_TRUE(wait([&] { return server.got() == get + set; })) << server.got();
  server.say("$1\r\nx\r\n-ERR full\r\n");
  ASSERT_TRUE(wait([this] { return replies.size() == 2; }));
  EXPECT_EQ(replies[0].text, "x");
  EXPECT_TRUE(replies[1].is_error());
  EXPECT_TRUE(losses.empty());
}

TEST_F(RedisConnectionTest, AnswersThatComeByteByByteAreWhole) {
  open();
  command({"LRANGE", "a", "0", "-1"});
  ASSERT_TRUE(wait([this] { return !server.got().empty(); }));
  const std::string_view bytes = "*3\r\n$7\r\nmessage\r\n*1\r\n:5\r\n$0\r\n\r\n";
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    EXPECT_TRUE(replies.empty());
    server.say(bytes.substr(i, 1));
    sim.run_for(5ms);
  }
  // Where nothing was subscribed, an array is an answer whatever its first word.
  ASSERT_EQ(replies.size(), 1U);
  EXPECT_EQ(replies[0].elements[1].elements[0].integer, 5);
  EXPECT_TRUE(pushes.empty());
}

TEST_F(RedisConnectionTest, EveryCommandIsAnsweredOnceWhenTheConnectionGoes) {
  open();
  for (int i = 0; i < 3; ++i) command({"GET", "a"});
  ASSERT_TRUE(wait([this] { return !server.got().empty(); }));
  server.say("$1\r\nx\r\n");
  ASSERT_TRUE(wait([this] { return replies.size() == 1; }));
  server.hang_up();
  ASSERT_TRUE(wait([this] { return !losses.empty(); }));
  ASSERT_EQ(replies.size(), 3U);
  EXPECT_EQ(answered_at_loss, 3U);
  EXPECT_EQ(replies[2].kind, Reply::Kind::kLost);
  EXPECT_EQ(replies[2].text, losses[0]);
  EXPECT_TRUE(has_loss("10.0.0.2:6379 closed the connection")) << losses[0];
  EXPECT_FALSE(command({"GET", "late"}));
  EXPECT_EQ(connection.queued_bytes(), 0U);
}

TEST_F(RedisConnectionTest, AnAnswerAndAnEndInOnePacketAreBothSeen) {
  open();
  command({"GET", "a"});
  ASSERT_TRUE(wait([this] { return !server.got().empty(); }));
  server.say("$1\r\nx\r\n");
  server.hang_up();
  ASSERT_TRUE(wait([this] { return !losses.empty(); }, 500ms));
  ASSERT_EQ(replies.size(), 1U);
  EXPECT_EQ(replies[0].text, "x");
}

TEST_F(RedisConnectionTest, ABrokenConnectionIsNotReportedInsideFlush) {
  open();
  here.set_frozen(true);
  command({"GET", "a"});
  connection.flush();
  server.hang_up();
  sim.run_for(100ms);
  command({"GET", "b"});
  connection.flush();
  EXPECT_TRUE(losses.empty());
  EXPECT_TRUE(replies.empty());
  here.set_frozen(false);
  ASSERT_TRUE(wait([this] { return !losses.empty(); }, 500ms));
  EXPECT_EQ(replies.size(), 2U);
}

TEST_F(RedisConnectionTest, CloseAnswersWhatWaitsAndReportsNothing) {
  open();
  command({"GET", "a"});
  connection.close();
  ASSERT_EQ(replies.size(), 1U);
  EXPECT_EQ(replies[0].kind, Reply::Kind::kLost);
  sim.run_for(5s);
  EXPECT_TRUE(losses.empty());
  ready = 0;
  open();
  EXPECT_EQ(server.accepted, 2);
}

TEST_F(RedisConnectionTest, AnErrorInTheGreetingClosesWithItsRemedy) {
  connection.open();
  ASSERT_TRUE(wait([this] { return server.got().ends_with(kPing); }));
  server.say("-LOADING Redis is loading the dataset in memory\r\n");
  ASSERT_TRUE(wait([this] { return !losses.empty(); }));
  EXPECT_TRUE(has_loss("Redis at 10.0.0.2:6379 answers PING with \"LOADING")) << losses[0];
  EXPECT_EQ(ready, 0);
}

TEST_F(RedisConnectionTest, WhatIsNoRedisClosesIt) {
  connection.open();
  ASSERT_TRUE(wait([this] { return server.got().ends_with(kPing); }));
  server.say("HTTP/1.1 400 Bad Request\r\n\r\n");
  ASSERT_TRUE(wait([this] { return !losses.empty(); }));
  EXPECT_TRUE(has_loss("is that a Redis")) << losses[0];
}

TEST_F(RedisConnectionTest, AnAnswerThatNobodyAskedForClosesIt) {
  open();
  server.say("-ERR max number of clients reached\r\n");
  ASSERT_TRUE(wait([this] { return !losses.empty(); }));
  EXPECT_TRUE(has_loss("maxclients")) << losses[0];
}

TEST_F(RedisConnectionTest, NobodyListeningIsTold) {
  server.stop_listening();
  connection.open();
  ASSERT_TRUE(wait([this] { return !losses.empty(); }, 2s));
  EXPECT_TRUE(has_loss("10.0.0.2:6379") && has_loss("database.redis.host")) << losses[0];
}

TEST_F(RedisConnectionTest, TheAddressesOfANameAreTriedInTheirOrder) {
  options.host = "redis.example";
  open();
  EXPECT_EQ(connection.where(), "redis.example (10.0.0.2:6379)");
  EXPECT_TRUE(losses.empty());
}

TEST_F(RedisConnectionTest, ACloseWhileANameIsLookedUpEndsIt) {
  options.host = "redis.example";
  connection.open();
  connection.close();
  sim.run_for(5s);
  EXPECT_EQ(server.accepted, 0);
  EXPECT_TRUE(losses.empty());
}

TEST_F(RedisConnectionTest, AServerThatNeverAnswersTheGreetingIsGivenUpInTime) {
  connection.open();
  ASSERT_TRUE(wait([this] { return !losses.empty(); }, 1300ms));
  EXPECT_TRUE(has_loss("did not answer within 1000 ms")) << losses[0];
}

TEST_F(RedisConnectionTest, AnIdleConnectionIsAskedAndASilentOneClosed) {
  open();
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(wait([this] { return server.got() == kPing; }, 1300ms)) << server.got();
    server.take();
    server.say("+PONG\r\n");
    sim.run_for(10ms);
  }
  EXPECT_TRUE(losses.empty());
  ASSERT_TRUE(wait([this] { return !losses.empty(); }, 2300ms));
  EXPECT_TRUE(has_loss("was silent for 2000 ms")) << losses[0];
  EXPECT_EQ(server.take(), kPing);
}

TEST_F(RedisConnectionTest, TheTimeInWhichOurOwnLoopStoodStillIsNotSilence) {
  open();
  here.set_frozen(true);
  sim.run_for(10s);
  here.set_frozen(false);
  ASSERT_TRUE(wait([this] { return !server.got().empty(); }, 2s));
  EXPECT_TRUE(losses.empty()) << losses[0];
  server.say("+PONG\r\n");
  sim.run_for(900ms);
  EXPECT_TRUE(losses.empty());
}

TEST_F(RedisConnectionTest, ConfirmationsAnswerJustTheirRequests) {
  open();
  std::vector<int> order;
  const auto ask = [&](std::string_view verb, int number) {
    connection.subscription(verb, "c", [&order, number](const Reply& reply) {
      order.push_back(reply.is_error() ? -number : number);
    });
  };
  ask("SUBSCRIBE", 1);
  ask("UNSUBSCRIBE", 2);
  ask("SUBSCRIBE", 3);
  ask("SUBSCRIBE", 4);
  ASSERT_TRUE(wait([this] { return server.got().size() >= 4 * 30; }));
  server.say(
      "*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n"
      // Not ours: another channel, and an end that nobody asked for.
      "*3\r\n$9\r\nsubscribe\r\n$1\r\nd\r\n:1\r\n"
      "*3\r\n$12\r\nsunsubscribe\r\n$1\r\nc\r\n:1\r\n"
      "*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$3\r\na\r\n\r\n"
      "*3\r\n$11\r\nunsubscribe\r\n$1\r\nc\r\n:0\r\n"
      "-NOPERM no\r\n"
      "*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n");
  ASSERT_TRUE(wait([&] { return order.size() == 4; }));
  EXPECT_EQ(order, (std::vector<int>{1, 2, -3, 4}));
  ASSERT_EQ(pushes.size(), 3U);
  EXPECT_EQ(pushes[1].elements[0].text, "sunsubscribe");
  EXPECT_EQ(pushes[2].elements[2].text, "a\r\n");
  EXPECT_TRUE(losses.empty());
}

TEST_F(RedisConnectionTest, ASunsubscribeThatMeetsAMoveOfItsSlotDoesNotShiftTheAnswersBehindIt) {
  open();
  std::vector<std::string> answers;
  const auto keep = [&](const Reply& reply) {
    answers.push_back(reply.is_error() ? reply.text : reply.elements[0].text);
  };
  connection.subscription("SSUBSCRIBE", "{c}1", keep);
  connection.subscription("SUNSUBSCRIBE", "{c}1", keep);
  connection.subscription("SSUBSCRIBE", "{d}2", keep);
  ASSERT_TRUE(wait([this] { return server.got().size() >= 3 * 30; }));
  server.say(
      "*3\r\n$10\r\nssubscribe\r\n$4\r\n{c}1\r\n:1\r\n"
      // As the slot left: before the server read SUNSUBSCRIBE, which it refuses.
      "*3\r\n$12\r\nsunsubscribe\r\n$4\r\n{c}1\r\n:0\r\n"
      "-MOVED 7365 10.0.0.3:6379\r\n"
      // The slot of {d}.
      "-MOVED 11298 10.0.0.3:6379\r\n");
  ASSERT_TRUE(wait([&] { return answers.size() == 3; }));
  EXPECT_EQ(answers[1], "sunsubscribe");
  EXPECT_EQ(answers[2], "MOVED 11298 10.0.0.3:6379");

  connection.subscription("SUNSUBSCRIBE", "{c}1", keep);
  server.say("*3\r\n$12\r\nsunsubscribe\r\n$4\r\n{c}1\r\n:0\r\n-MOVED 7365 10.0.0.3:6379\r\n");
  ASSERT_TRUE(wait([&] { return answers.size() == 4; }));
  wait([] { return false; }, 500ms);
  EXPECT_TRUE(losses.empty());
}

TEST_F(RedisConnectionTest, APartlyTakenWriteIsResumed) {
  open();
  server.set_reading(false);
  const std::string large(1 << 20, 'x');
  for (int i = 0; i < 8; ++i) EXPECT_TRUE(command({"SET", "a", large}));
  sim.run_for(100ms);
  EXPECT_GT(connection.queued_bytes(), 0U);
  server.set_reading(true);
  ASSERT_TRUE(wait([this] { return connection.queued_bytes() == 0; }));
  sim.run_for(100ms);
  std::string expected;
  for (int i = 0; i < 8; ++i) {
    expected += "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1048576\r\n" + large + "\r\n";
  }
  EXPECT_TRUE(server.take() == expected);
}

TEST_F(RedisConnectionTest, AFullQueueRefusesAndRoomTakesAgain) {
  options.queue_bytes_max = 10'000;
  open();
  int taken = 0;
  while (command({"SET", "a", std::string(1000, 'x')})) ++taken;
  EXPECT_GE(taken, 7);
  EXPECT_LE(taken, 10);
  // What is not answered counts too.
  connection.flush();
  EXPECT_EQ(connection.queued_bytes(), 0U);
  int small = 0;
  while (command({"GET", "a"})) ++small;
  EXPECT_LT(small, 100);
  sim.run_for(10ms);
  for (int i = 0; i < taken + small; ++i) server.say("+OK\r\n");
  ASSERT_TRUE(wait([&] { return replies.size() == static_cast<std::size_t>(taken + small); }));
  EXPECT_TRUE(command({"GET", "a"}));
}

TEST_F(RedisConnectionTest, ASubscriptionWithoutRoomClosesIt) {
  options.queue_bytes_max = 1000;
  open();
  for (int i = 0; i < 100; ++i) connection.subscription("SUBSCRIBE", "c", [](const Reply&) {});
  EXPECT_TRUE(losses.empty());
  ASSERT_TRUE(wait([this] { return !losses.empty(); }));
  EXPECT_TRUE(has_loss("no room for a subscription")) << losses[0];
}

TEST_F(RedisConnectionTest, MessagesOfManyReadsComeWhole) {
  open();
  connection.subscription("SUBSCRIBE", "c", [](const Reply&) {});
  std::string flood = "*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n";
  const std::string message =
      "*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$4000\r\n" + std::string(4000, 'x') + "\r\n";
  for (int i = 0; i < 500; ++i) flood += message;
  for (std::size_t at = 0; at < flood.size(); at += 10'000) {
    server.say(std::string_view(flood).substr(at, 10'000));
    sim.run_for(1ms);
  }
  ASSERT_TRUE(wait([this] { return pushes.size() == 500; }));
  EXPECT_TRUE(losses.empty());
}

struct NoEvents final : BusEvents {
  void on_open() override {}
  void on_lost(std::string_view) override {}
  void on_subscribed(Subject, Generation) override {}
  void on_envelope(Subject, std::string_view) override {}
};

TEST_F(RedisConnectionTest, ABusTriesAgainForEverAndNotTooOften) {
  server.is_refusing = true;
  NoEvents events;
  RedisBus bus(here.loop(0), resolver, options, events);
  bus.start();
  sim.run_for(10s);
  // Two connections each 250 to 500 ms.
  EXPECT_GE(server.accepted, 2 * 18);
  EXPECT_LE(server.accepted, 2 * 50);
  server.accepted = 0;
  sim.run_for(10s);
  EXPECT_GE(server.accepted, 2 * 18);
  bus.stop();
  server.accepted = 0;
  sim.run_for(10s);
  EXPECT_EQ(server.accepted, 0);
}

}  // namespace
}  // namespace mr::cluster::redis
