#include <gtest/gtest.h>

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cluster/redis/cluster_bus.h"
#include "net/sim/sim_runtime.h"

namespace mr::cluster::redis {
namespace {

using namespace std::chrono_literals;

std::string bulk(std::string_view text) {
  return "$" + std::to_string(text.size()) + "\r\n" + std::string(text) + "\r\n";
}

// One primary of a Redis Cluster as far as a ClusterBus speaks to it. All slots are the first
// one's, but for one that it believes where the test says.
class Primary final : private net::AcceptEvents {
 public:
  Primary(net::sim::Sim& sim, net::sim::SimNetwork& network, const std::string& at)
      : host(at), runtime_(sim, network, {.host = at, .loops = 1}) {
    loop().listen({.address = {host, 6379}}, *this).value();
  }

  // The slot is there, as it says from now on; who subscribed to `channel` is told when it leaves.
  void believe(std::uint16_t slot, const std::string& owner, const std::string& channel) {
    const bool was_here = owner_ == host;
    slot_ = slot;
    owner_ = owner;
    if (!was_here || owner == host) return;
    for (const auto& peer : peers_) {
      if (peer->subscribed == channel) peer->end(channel);
    }
  }

  const std::string host;
  std::uint64_t epoch = 1;
  int subscriptions = 0;  // that it confirmed of the slot

 private:
  struct Peer final : net::SocketEvents {
    Peer(Primary& primary, net::SocketHandle handle) : of(primary), socket(handle) {}
    void on_ready(net::Ready ready) override {
      if (ready.writable) say("");
      while (ready.readable) {
        const std::span<std::byte> buffer = of.loop().read_buffer();
        const net::IoResult got = of.loop().read(socket, buffer);
        if (got.status != net::IoStatus::kOk) return;
        reader.feed({reinterpret_cast<const char*>(buffer.data()), got.bytes});
        while (const auto command = reader.next()) say(of.answer(*this, *command));
      }
    }
    void say(std::string_view text) {
      out += text;
      while (!out.empty()) {
        const iovec part{out.data(), out.size()};
        const net::IoResult put = of.loop().write(socket, {&part, 1});
        if (put.status != net::IoStatus::kOk) return;
        out.erase(0, put.bytes);
      }
    }
    void end(const std::string& channel) {
      subscribed.clear();
      say("*3\r\n" + bulk("sunsubscribe") + bulk(channel) + ":0\r\n");
    }

    Primary& of;
    const net::SocketHandle socket;
    ReplyReader reader;
    std::string out{};
    std::string subscribed{};  // of the slot that moves
  };

  net::Loop& loop() { return runtime_.loop(0); }
  void on_accept(net::SocketHandle socket, const net::PeerAddress&) override {
    loop().watch(socket, *peers_.emplace_back(std::make_unique<Peer>(*this, socket)));
  }

  std::string answer(Peer& peer, const Reply& command) {
    const auto word = [&](std::size_t i) { return command.elements.at(i).text; };
    const std::string verb = word(0);
    if (verb == "INFO") return bulk("run_id:0123456789abcdef0123456789abcdef01234567\r\n");
    if (verb == "CLUSTER" && word(1) == "INFO") {
      return bulk("cluster_state:ok\r\ncluster_current_epoch:" + std::to_string(epoch) + "\r\n");
    }
    if (verb == "CLUSTER") return map();
    if (verb == "PING" && peer.subscribed.empty()) return "+PONG\r\n";
    if (verb == "PING") return "*2\r\n$4\r\npong\r\n$0\r\n\r\n";
    if (verb != "SSUBSCRIBE" && verb != "SUNSUBSCRIBE") return "+OK\r\n";
    const bool is_of_slot = slot_of(word(1)) == slot_;
    if (is_of_slot && owner_ != host) {
      return "-MOVED " + std::to_string(slot_) + " " + owner_ + ":6379\r\n";
    }
    const bool is_begin = verb == "SSUBSCRIBE";
    if (is_of_slot) peer.subscribed = is_begin ? word(1) : "";
    if (is_of_slot && is_begin) ++subscriptions;
    return "*3\r\n" + bulk(is_begin ? "ssubscribe" : "sunsubscribe") + bulk(word(1)) + ":1\r\n";
  }
  // Of three ranges: before the slot, the slot, behind it.
  std::string map() const {
    const auto range = [](int first, int last, const std::string& at) {
      return "*3\r\n:" + std::to_string(first) + "\r\n:" + std::to_string(last) + "\r\n*3\r\n" +
             bulk(at) + ":6379\r\n" + bulk("id");
    };
    return "*5\r\n" + range(0, slot_ - 1, "10.0.0.2") + range(slot_, slot_, owner_) +
           range(slot_ + 1, 16000, "10.0.0.2") + range(16001, 16100, "10.0.0.3") +
           range(16101, 16383, "10.0.0.4");
  }

  net::sim::SimRuntime runtime_;
  std::uint16_t slot_ = 0;
  std::string owner_;
  std::vector<std::unique_ptr<Peer>> peers_;
};

constexpr Subject kMoving = partition_subject(3);

class RedisSlotsTest : public testing::Test, public BusEvents {
 protected:
  RedisSlotsTest() {
    std::printf("seed %llu\n", static_cast<unsigned long long>(seed_));
    options.cluster_nodes = {{"10.0.0.2", 6379}, {"10.0.0.3", 6379}, {"10.0.0.4", 6379}};
    for (const auto& server : servers) move(*server, first());
    bus = std::make_unique<ClusterBus>(here.loop(0), resolver, options, *this);
    bus->start();
    EXPECT_TRUE(sim.run_until([this] { return confirmed == 1; }, 5s))
        << testing::PrintToString(losses);
  }
  ~RedisSlotsTest() override { bus->stop(); }

  void on_open() override { bus->subscribe(kMoving, Generation{7}); }
  void on_lost(std::string_view why) override { losses.emplace_back(why); }
  void on_subscribed(Subject, Generation) override { ++confirmed; }
  void on_interrupted(Subject) override { ++interrupted; }
  void on_envelope(Subject, std::string_view) override {}

  Primary& first() { return *servers[0]; }
  Primary& second() { return *servers[1]; }
  Primary& late() { return *servers[2]; }
  void move(Primary& told, const Primary& owner) {
    told.believe(names.slot_of(kMoving), owner.host, names.name_of(kMoving));
  }
  void run(base::Duration time) {
    sim.run_until([] { return false; }, time);
  }

 private:
  static RedisOptions sharded() {
    RedisOptions options;
    options.cluster_nodes = {{"10.0.0.2", 6379}};
    return options;
  }
  const std::uint64_t seed_ = base::SystemRandom().next();

 protected:
  RedisOptions options;
  const ChannelNames names{sharded()};
  net::sim::Sim sim{seed_};
  net::sim::SimNetwork network{sim};
  net::sim::SimRuntime here{sim, network, {.host = "10.0.0.1", .loops = 1}};
  std::array<std::unique_ptr<Primary>, 3> servers{
      std::make_unique<Primary>(sim, network, "10.0.0.2"),
      std::make_unique<Primary>(sim, network, "10.0.0.3"),
      std::make_unique<Primary>(sim, network, "10.0.0.4")};
  net::Resolver resolver{here.worker(), [](const std::string&, std::uint16_t) {
                           return net::Addresses(std::vector<net::Address>{});
                         }};
  std::unique_ptr<ClusterBus> bus;
  int confirmed = 0;
  int interrupted = 0;
  std::vector<std::string> losses;
};

TEST_F(RedisSlotsTest, WhatTheOldOwnerSaysGoesBeforeTheMapOfOneThatHasNotHeardOfTheMove) {
  for (const auto& server : servers) ++server->epoch;
  move(second(), second());
  move(first(), second());
  run(800ms);
  move(late(), second());
  run(5s);
  EXPECT_EQ(interrupted, 1);
  EXPECT_EQ(confirmed, 2);
  EXPECT_EQ(second().subscriptions, 1);
}

}  // namespace
}  // namespace mr::cluster::redis
