#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "net/sim/sim_runtime.h"

namespace mr::net::sim {
namespace {

using namespace std::chrono_literals;

std::uint64_t new_seed() { return base::SystemRandom().next(); }

// One end: writes `to_send` as the socket takes it, keeps what it reads while `reading`.
class Peer final : public SocketEvents {
 public:
  explicit Peer(Loop& loop) : loop_(loop) {}
  void start(SocketHandle socket) { socket_ = socket; }
  void on_ready(Ready ready) override {
    ++reports;
    hung_up = hung_up || ready.hangup;
    if (on_report) on_report();
    if (ready.writable) {
      ++writable_reports;
      flush();
    }
    if (ready.readable && reading) drain();
  }
  void flush() {
    while (open && !to_send.empty()) {
      const iovec part{to_send.data(), to_send.size()};
      const IoResult put = loop_.write(socket_, {&part, 1});
      blocked = put.status == IoStatus::kBlocked;
      if (put.status != IoStatus::kOk) return;
      to_send.erase(0, put.bytes);
    }
  }
  void drain() {
    while (open) {
      const IoResult got = loop_.read(socket_, loop_.read_buffer());
      if (got.status == IoStatus::kBlocked) return;
      if (got.status == IoStatus::kClosed) return close();
      received.append(reinterpret_cast<const char*>(loop_.read_buffer().data()), got.bytes);
    }
  }
  void close() {
    if (std::exchange(open, false)) loop_.close(socket_);
  }
  SocketHandle socket() const { return socket_; }

  std::string to_send;
  std::string received;
  bool reading = true;
  bool open = true;
  bool blocked = false;
  bool hung_up = false;
  int reports = 0;
  int writable_reports = 0;
  std::function<void()> on_report;

 private:
  Loop& loop_;
  SocketHandle socket_ = SocketHandle::kNone;
};

class Server final : public AcceptEvents {
 public:
  explicit Server(Loop& loop) : loop_(loop) {}
  ~Server() = default;
  void on_accept(SocketHandle socket, const PeerAddress& from) override {
    last_from = from;
    peers.push_back(std::make_unique<Peer>(loop_));
    peers.back()->start(socket);
    if (prepare) prepare(*peers.back());
    loop_.watch(socket, *peers.back());
  }
  std::vector<std::unique_ptr<Peer>> peers;
  PeerAddress last_from;
  std::function<void(Peer&)> prepare;

 private:
  Loop& loop_;
};

// A node that listens on one loop and a client's host.
struct World {
  explicit World(std::uint64_t s, SimNetworkOptions options = {})
      : seed(s),
        sim(s),
        network(sim, options),
        node(sim, network, {.host = "10.0.0.1", .loops = 2}),
        outside(sim, network, {.host = "10.9.0.1", .loops = 1}),
        server(node.loop(0)),
        client(outside.loop(0)) {
    auto listener = node.loop(0).listen({.address = {"0.0.0.0", 6001}}, server);
    EXPECT_TRUE(listener.ok());
  }
  void connect() {
    auto socket = outside.loop(0).connect({"10.0.0.1", 6001}, client);
    ASSERT_TRUE(socket.ok());
    client.start(socket.value());
  }
  bool run_until(std::function<bool()> predicate) {
    return sim.run_until([&] { return predicate(); }, 120s);
  }
  std::uint64_t seed;
  Sim sim;
  SimNetwork network;
  SimRuntime node;
  SimRuntime outside;
  Server server;
  Peer client;
};

std::string numbers(std::size_t bytes) {
  std::string text;
  for (int i = 0; text.size() < bytes; ++i) text += std::to_string(i) + ",";
  return text;
}

std::uint64_t hash_of_a_run(std::uint64_t seed) {
  World world(seed);
  world.client.to_send = numbers(200'000);
  world.server.prepare = [](Peer& peer) { peer.to_send = numbers(100'000); };
  world.connect();
  world.node.worker().submit([] {}, world.node.loop(1), [] {});
  for (int i = 0; i < 20; ++i) world.node.loop(1).after(i * 1ms, [] {});
  world.sim.run_for(5s);
  EXPECT_EQ(world.client.received.size(), numbers(100'000).size());
  return world.sim.hash();
}

TEST(SimTest, TheSameSeedGivesTheSameRun) {
  const std::uint64_t seed = new_seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  EXPECT_EQ(hash_of_a_run(seed), hash_of_a_run(seed));
  EXPECT_NE(hash_of_a_run(seed), hash_of_a_run(seed + 1));
}

TEST(SimTest, BytesKeepTheirOrderThroughSplitsAndDelays) {
  for (int round = 0; round < 20; ++round) {
    World world(new_seed());
    SCOPED_TRACE("seed " + std::to_string(world.seed));
    const std::string up = numbers(150'000);
    const std::string down = numbers(120'000);
    world.client.to_send = up;
    world.server.prepare = [&](Peer& peer) { peer.to_send = down; };
    world.connect();
    ASSERT_TRUE(world.run_until([&] {
      return world.client.received.size() == down.size() && !world.server.peers.empty() &&
             world.server.peers[0]->received.size() == up.size();
    }));
    EXPECT_EQ(world.client.received, down);
    EXPECT_EQ(world.server.peers[0]->received, up);
    EXPECT_EQ(world.server.last_from.to_string(), "10.9.0.1");
  }
}

TEST(SimTest, AStalledReaderBlocksTheWriterAndAnEdgeFollows) {
  World world(new_seed());
  SCOPED_TRACE("seed " + std::to_string(world.seed));
  world.connect();
  ASSERT_TRUE(world.run_until([&] { return !world.server.peers.empty(); }));
  Peer& writer = *world.server.peers[0];
  world.network.set_stalled(world.outside.loop(0), world.client.socket(), true);
  const std::string text = numbers(300'000);
  writer.to_send = text;
  world.node.loop(0).post([&] { writer.flush(); });
  world.sim.run_for(10s);
  EXPECT_TRUE(writer.blocked);
  EXPECT_TRUE(world.client.received.empty());
  EXPECT_EQ(world.node.loop(0).unsent_bytes(writer.socket()), 16U * 1024);
  const int edges = writer.writable_reports;
  world.network.set_stalled(world.outside.loop(0), world.client.socket(), false);
  ASSERT_TRUE(world.run_until([&] { return world.client.received.size() == text.size(); }));
  EXPECT_GT(writer.writable_reports, edges);
  EXPECT_EQ(world.client.received, text);
}

TEST(SimTest, ClosingEndsThePeerAfterEverythingWritten) {
  World world(new_seed());
  SCOPED_TRACE("seed " + std::to_string(world.seed));
  world.server.prepare = [&](Peer& peer) {
    peer.to_send = "last words";
    peer.on_report = [&] {
      peer.flush();
      peer.close();
    };
  };
  world.connect();
  ASSERT_TRUE(world.run_until([&] { return !world.client.open; }));
  EXPECT_EQ(world.client.received, "last words");
  world.sim.run_for(1s);
  EXPECT_EQ(world.node.loop(0).open_sockets(), 0U);
  EXPECT_EQ(world.outside.loop(0).open_sockets(), 0U);
}

TEST(SimTest, ConnectsWithoutAListenerOrThroughASplitHangUp) {
  World world(new_seed());
  SCOPED_TRACE("seed " + std::to_string(world.seed));
  auto refused = world.outside.loop(0).connect({"10.0.0.1", 7}, world.client);
  world.client.start(refused.value());
  EXPECT_TRUE(world.run_until([&] { return world.client.hung_up; }));
  Peer second(world.outside.loop(0));
  world.network.partition("10.0.0.1", "10.9.0.1");
  second.start(world.outside.loop(0).connect({"10.0.0.1", 6001}, second).value());
  world.sim.run_for(29s);
  EXPECT_FALSE(second.hung_up);
  EXPECT_TRUE(world.run_until([&] { return second.hung_up; }));
}

TEST(SimTest, AHealedSplitDeliversWhatWaited) {
  World world(new_seed());
  SCOPED_TRACE("seed " + std::to_string(world.seed));
  world.connect();
  ASSERT_TRUE(world.run_until([&] { return world.client.writable_reports > 0; }));
  world.network.partition("10.9.0.1", "10.0.0.1");
  world.client.to_send = "through";
  world.outside.loop(0).post([&] { world.client.flush(); });
  world.sim.run_for(5s);
  EXPECT_EQ(world.server.peers[0]->received, "");
  world.network.heal("10.0.0.1", "10.9.0.1");
  EXPECT_TRUE(world.run_until([&] { return world.server.peers[0]->received == "through"; }));
}

TEST(SimTest, ACutConnectionBreaksForWhoSends) {
  World world(new_seed());
  SCOPED_TRACE("seed " + std::to_string(world.seed));
  world.connect();
  ASSERT_TRUE(world.run_until([&] { return world.client.writable_reports > 0; }));
  world.network.cut(world.outside.loop(0), world.client.socket());
  world.client.to_send = "lost";
  world.outside.loop(0).post([&] { world.client.flush(); });
  EXPECT_TRUE(world.run_until([&] { return !world.client.open; }));
  EXPECT_TRUE(world.server.peers[0]->open);
}

TEST(SimTest, AResetAndFailedCallsCloseTheConnection) {
  World world(new_seed());
  SCOPED_TRACE("seed " + std::to_string(world.seed));
  world.connect();
  ASSERT_TRUE(world.run_until([&] { return world.client.writable_reports > 0; }));
  world.network.reset(world.outside.loop(0), world.client.socket());
  EXPECT_TRUE(world.run_until([&] { return !world.client.open && !world.server.peers[0]->open; }));

  Peer second(world.outside.loop(0));
  world.network.fail_call(SimCall::kWrite, 2);
  second.to_send = numbers(200'000);
  second.start(world.outside.loop(0).connect({"10.0.0.1", 6001}, second).value());
  EXPECT_TRUE(world.run_until([&] { return !second.open; }));
  world.network.fail_call(SimCall::kConnect, 1);
  EXPECT_FALSE(world.outside.loop(0).connect({"10.0.0.1", 6001}, second).ok());
}

TEST(SimTest, ANodeThatIsDestroyedResetsItsConnections) {
  Sim sim(new_seed());
  SimNetwork network(sim);
  SimRuntime outside(sim, network, {.host = "10.9.0.1", .loops = 1});
  auto node = std::make_unique<SimRuntime>(sim, network);
  auto server = std::make_unique<Server>(node->loop(0));
  ASSERT_TRUE(node->loop(0).listen({.address = {"10.0.0.1", 6001}}, *server).ok());
  Peer client(outside.loop(0));
  client.start(outside.loop(0).connect({"10.0.0.1", 6001}, client).value());
  ASSERT_TRUE(sim.run_until([&] { return client.writable_reports > 0; }, 1s));
  node->loop(1).post([] {});
  node->worker().submit([] { ADD_FAILURE() << "ran after the crash"; }, node->loop(0), [] {});
  server.reset();
  node.reset();
  EXPECT_TRUE(sim.run_until([&] { return !client.open; }, 1s));
  EXPECT_TRUE(client.hung_up);
  // The place is free for the node's next life.
  SimRuntime again(sim, network);
  Server next(again.loop(0));
  EXPECT_TRUE(again.loop(0).listen({.address = {"10.0.0.1", 6001}}, next).ok());
}

TEST(SimTest, LoopsOfANodeShareAPortOnlyWithReusePort) {
  World world(new_seed());
  SCOPED_TRACE("seed " + std::to_string(world.seed));
  Server other(world.node.loop(1));
  auto taken = world.node.loop(1).listen({.address = {"0.0.0.0", 6001}}, other);
  ASSERT_FALSE(taken.ok());
  EXPECT_EQ(taken.error().code, NetErrc::kAddressInUse);
  Server a(world.node.loop(0));
  Server b(world.node.loop(1));
  const ListenOptions shared{.address = {"0.0.0.0", 7000}, .reuse_port = true};
  ASSERT_TRUE(world.node.loop(0).listen(shared, a).ok());
  ASSERT_TRUE(world.node.loop(1).listen(shared, b).ok());
  std::vector<std::unique_ptr<Peer>> clients;
  for (int i = 0; i < 40; ++i) {
    clients.push_back(std::make_unique<Peer>(world.outside.loop(0)));
    Peer& client = *clients.back();
    client.start(world.outside.loop(0).connect({"10.0.0.1", 7000}, client).value());
  }
  EXPECT_TRUE(world.run_until([&] { return a.peers.size() + b.peers.size() == 40; }));
  EXPECT_FALSE(a.peers.empty());
  EXPECT_FALSE(b.peers.empty());
}

class Endless final : public IterationEnd {
 public:
  bool on_iteration_end() override { return ++calls > 0; }
  int calls = 0;
};

TEST(SimTest, LoopsKnowWhoseTurnItIsAndBusyOnesDoNotStopTheClock) {
  World world(new_seed());
  SCOPED_TRACE("seed " + std::to_string(world.seed));
  Endless hook;
  world.node.loop(1).set_iteration_end(&hook);
  world.node.loop(1).post([] {});
  bool in_turn = false;
  bool timer_ran = false;
  std::string order;
  world.node.loop(0).post([&] {
    in_turn = world.node.loop(0).is_current() && !world.node.loop(1).is_current();
    order += 'a';
  });
  world.node.loop(0).post([&] { order += 'b'; }, 10);
  EXPECT_EQ(world.node.loop(0).mailbox_bytes(), 10U);
  world.node.worker().submit([&] { EXPECT_FALSE(world.node.loop(0).is_current()); },
                             world.node.loop(0),
                             [&] { EXPECT_TRUE(world.node.loop(0).is_current()); });
  world.node.loop(0).after(50ms, [&] { timer_ran = true; });
  world.sim.run_for(100ms);
  EXPECT_TRUE(in_turn);
  EXPECT_TRUE(timer_ran);
  EXPECT_EQ(order, "ab");
  EXPECT_GT(hook.calls, 1000);
  world.node.set_frozen(true);
  const int calls = hook.calls;
  world.sim.run_for(100ms);
  EXPECT_EQ(hook.calls, calls);
  world.node.loop(1).set_iteration_end(nullptr);
}

}  // namespace
}  // namespace mr::net::sim
