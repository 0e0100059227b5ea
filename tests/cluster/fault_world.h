#pragma once

#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include "base/planted.h"
#include "store_world.h"

namespace mr::cluster::test {

inline std::uint64_t number_of(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

inline constexpr base::Duration kNodeTimeout = 5000ms;
inline constexpr base::Duration kFaultsEnd = 16000ms;

// What one seed is about.
struct Setup {
  bool is_redis = true;  // may fail over; publishes compare the lease there
  std::size_t nodes = 3;
  bool is_slow = false;
  bool loses = false;  // the store may lose writes
  bool pauses = false;
  bool splits = true;  // after a failover some nodes may still reach the old primary
  std::uint32_t limit = 10;
  bool refuses = false;  // limits.on_broker_loss
};

inline Setup setup_of(base::Random& random, bool is_redis) {
  Setup setup;
  setup.is_redis = is_redis;
  setup.nodes = 2 + random.below(3);
  setup.is_slow = random.below(10) < 4;
  setup.loses = random.below(10) < 6;
  setup.pauses = random.below(2) == 0;
  static constexpr std::uint32_t kLimits[] = {3, 10, 40};
  setup.limit = kLimits[random.below(3)];
  setup.refuses = random.below(2) == 0;
  return setup;
}

// Nodes over one store on virtual time, while everything breaks that can: crashes, pauses, cuts of
// either way, a store that hangs, goes away, starts empty or fails over. Node is built from (world,
// index) and destroyed by a crash; it has `runtime()`.
template <class Node, class World>
class FaultWorld {
 public:
  FaultWorld(std::uint64_t seed, const Setup& setup)
      : setup_(setup),
        sim_(seed),
        random_(seed ^ 0x0e4e7),
        network_(sim_),
        server_(sim_, random_, setup.is_slow),
        start_(sim_.clock().now()),
        nodes_(setup.nodes),
        pauses_(setup.nodes) {}

  void boot_all() {
    for (std::size_t i = 0; i < nodes_.size(); ++i) do_boot(i);
  }
  base::Duration now() { return sim_.clock().now() - start_; }
  base::TimePoint time() { return sim_.clock().now(); }
  bool is_alive(std::size_t who) const { return nodes_[who] != nullptr; }
  Node& node(std::size_t who) { return *nodes_[who]; }
  const Setup& setup() const { return setup_; }
  StoreServer& server() { return server_; }
  net::sim::Sim& sim() { return sim_; }
  base::Random& random() { return random_; }
  net::sim::SimNetwork& network() { return network_; }
  std::size_t size() const { return nodes_.size(); }
  static std::string name_of(std::size_t who) {
    return std::string(1, static_cast<char>('a' + who));
  }
  const std::string& problem() const { return problem_; }
  void fail(const std::string& text) {
    if (problem_.empty()) problem_ = std::to_string(now() / 1ms) + " ms: " + text;
  }

  void at(base::Duration when, base::Task action) {
    schedule_.emplace(std::max(when, now()), std::move(action));
  }
  void advance(base::Duration until) {
    while (!schedule_.empty() && schedule_.begin()->first <= until && problem_.empty()) {
      auto next = schedule_.extract(schedule_.begin());
      run_to(next.key());
      next.mapped()();
    }
    run_to(until);
  }
  // Faults from 2.5 s to 16 s, then the oracle's end.
  void make_faults() {
    static constexpr std::uint64_t kCounts[] = {0, 2, 4, 8};
    for (std::uint64_t left = kCounts[random_.below(4)]; left > 0; --left) {
      const base::Duration when = ms(2500 + random_.below(13000));
      at(when, [this] { break_something(kFaultsEnd - now()); });
    }
  }
  void end_faults() {
    advance(kFaultsEnd);
    server_.be_quiet();
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      if (server_.is_cut(name_of(i))) server_.heal(name_of(i), StoreServer::Fate::kLate);
      do_boot(i);
    }
  }

  void do_crash(std::size_t who) {
    if (!nodes_[who]) return;
    static_cast<World*>(this)->on_crash(who);
    nodes_[who].reset();
  }
  void do_boot(std::size_t who) {
    if (nodes_[who]) return;
    nodes_[who] = std::make_unique<Node>(*static_cast<World*>(this), who);
    nodes_[who]->runtime().set_frozen(pauses_[who] > 0);
    nodes_[who]->start();
  }
  void do_pause(std::size_t who, base::Duration time) {
    set_paused(who, +1);
    at(now() + time, [this, who] { set_paused(who, -1); });
  }
  void do_cut(std::size_t who, base::Duration time, StoreServer::Cut kind, StoreServer::Fate fate) {
    if (server_.is_cut(name_of(who))) return;
    server_.cut(name_of(who), kind);
    at(now() + time, [this, who, fate] {
      if (server_.is_cut(name_of(who))) server_.heal(name_of(who), fate);
    });
  }
  void do_hang(base::Duration time) {
    server_.set_hung(true);
    at(now() + time, [this] { server_.set_hung(false); });
  }
  void do_away(base::Duration time, bool empty) {
    server_.go_away();
    if (empty && setup_.loses) server_.start_empty();
    at(now() + time, [this] { server_.come_back(); });
  }
  void do_fail_over(base::Duration lag, base::Duration split, std::set<std::string> stay) {
    if (!setup_.loses || !setup_.is_redis) return;
    server_.fail_over(lag,
                      split > 0ms && setup_.splits ? std::move(stay) : std::set<std::string>{});
    at(now() + split, [this] { server_.end_split(); });
  }

 private:
  void run_to(base::Duration until) {
    if (until > now()) sim_.run_for(until - now());
  }
  void set_paused(std::size_t who, int change) {
    pauses_[who] += change;
    if (nodes_[who]) nodes_[who]->runtime().set_frozen(pauses_[who] > 0);
  }
  void break_something(base::Duration longest) {
    static constexpr std::uint64_t kTimes[] = {300, 900, 2500, 6000, 11000};
    const std::size_t who = random_.below(nodes_.size());
    const base::Duration time = std::min(longest, ms(kTimes[random_.below(5)]));
    const base::Duration few = random_.below(2) == 0 ? time : std::min<base::Duration>(time, 300ms);
    const auto kind = random_.below(3) < 2 ? StoreServer::Cut::kBoth : StoreServer::Cut::kAnswers;
    const auto fate = static_cast<StoreServer::Fate>(random_.below(3));
    switch (random_.below(setup_.pauses ? 10 : 8)) {
      case 0:
        return do_crash(who);
      case 1:
        return do_boot(who);
      case 2:
      case 3:
        return do_cut(who, time, kind, fate);
      case 4:
        return do_hang(few);
      case 5:
        return do_hang(std::min<base::Duration>(longest, 700ms));
      case 6:
        return do_away(few, random_.below(2) == 0);
      case 7: {
        static constexpr std::uint64_t kLags[] = {0, 300, 1500};
        const base::Duration lag = ms(kLags[random_.below(3)]);
        const base::Duration split =
            random_.below(3) < 2 ? 0ms : std::min<base::Duration>(longest, 3000ms);
        return do_fail_over(lag, split, {name_of(random_.below(4)), name_of(random_.below(4))});
      }
      default:
        return do_pause(who, time);
    }
  }

  const Setup setup_;
  net::sim::Sim sim_;
  base::SeededRandom random_;
  net::sim::SimNetwork network_;
  StoreServer server_;
  const base::TimePoint start_;
  std::multimap<base::Duration, base::Task> schedule_;
  std::string problem_;

 protected:
  std::vector<std::unique_ptr<Node>> nodes_;

 private:
  std::vector<int> pauses_;
};

}  // namespace mr::cluster::test
