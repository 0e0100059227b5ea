#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "cluster/store.h"
#include "net/sim/sim_network.h"
#include "net/sim/sim_runtime.h"

namespace mr::cluster::test {

using namespace std::chrono_literals;

inline base::Duration ms(std::uint64_t count) {
  return std::chrono::milliseconds(static_cast<std::int64_t>(count));
}

// Broker and store of a simulated cluster. It may be away, hang (what it got is executed late),
// start again empty, or fail over to a replica that lacks the last writes, while some nodes still
// reach the old primary.
class StoreServer {
 public:
  struct Record {
    std::string value;
    std::uint64_t number = 0;
  };
  // What it holds: records, and what only the oracle of a test keeps with them.
  struct State {
    std::map<std::string, Record> records;
    std::map<std::string, std::string> notes;
    std::uint64_t writes = 0;
    StoreLife life{1};
  };
  using Operation = base::Function<void(State&)>;
  enum class Cut : std::uint8_t { kNone, kBoth, kAnswers };
  enum class Fate : std::uint8_t { kKept, kLost, kLate };

  StoreServer(net::sim::Sim& sim, base::Random& random, bool is_slow)
      : sim_(sim), random_(random), is_slow_(is_slow) {
    remember();
  }

  // --- the way there and back: a FIFO each way; a cut holds what is sent -------------------------
  void send_up(const std::string& node, Operation operation) {
    auto shared = std::make_shared<Operation>(std::move(operation));
    send(node, 0, [this, node, shared] { request(node, shared); });
  }
  void send_down(const std::string& node, base::Task task) { send(node, 1, std::move(task)); }

  // --- faults ------------------------------------------------------------------------------------
  void cut(const std::string& node, Cut kind) { links_[node].cut = kind; }
  bool is_cut(const std::string& node) { return links_[node].cut != Cut::kNone; }
  // `kLate`: what the old connection held comes after what the new one brings.
  void heal(const std::string& node, Fate fate) {
    Link& link = links_[node];
    link.cut = Cut::kNone;
    for (int way : {0, 1}) {
      std::deque<base::Task> held = std::exchange(link.held[way], {});
      for (base::Task& task : held) {
        if (fate == Fate::kLost) continue;
        if (fate == Fate::kKept || is_near_) {
          send(node, way, std::move(task));
          continue;
        }
        auto shared = std::make_shared<base::Task>(std::move(task));
        sim_.at(sim_.clock().now() + ms(random_.below(1500)),
                [this, node, way, shared] { send(node, way, [shared] { (*shared)(); }); });
      }
    }
  }
  void set_hung(bool is_hung) {
    is_hung_ = is_hung;
    if (is_hung) return;
    for (auto& [node, operation] : std::exchange(waiting_, {})) request(node, operation);
  }
  void go_away() { ++away_; }
  void come_back() { --away_; }
  void start_empty() { replace({}, {}); }
  void fail_over(base::Duration lag, std::set<std::string> stay) {
    const base::TimePoint until = sim_.clock().now() - lag;
    State before = past_.front().second;
    for (const auto& [at, state] : past_) {
      if (at <= until) before = state;
    }
    replace(std::move(before), std::move(stay));
  }
  void end_split() {
    old_.reset();
    stay_.clear();
  }
  void be_quiet() { is_slow_ = false; }
  // As in one machine: a tenth of the usual, and nothing that a cut held comes out of order.
  void be_near() { is_near_ = true; }
  std::deque<std::pair<std::string, std::shared_ptr<Operation>>>& waiting() { return waiting_; }

  State& state() { return state_; }
  // Sees each executed write of a record, for the oracle of a test.
  base::Function<void(State&, const std::string& name, const std::string& before)> on_write;
  bool is_same_side(const std::string& one, const std::string& other) const {
    return !old_ || stay_.contains(one) == stay_.contains(other);
  }

 private:
  struct Link {
    Cut cut = Cut::kNone;
    base::TimePoint last[2]{};
    std::deque<base::Task> held[2];
  };

  base::Duration latency() {
    static constexpr std::uint64_t kTrips[] = {1, 1, 2, 3, 5, 40, 200};
    const std::uint64_t trip = kTrips[random_.below(is_slow_ ? 7 : 5)];
    return is_near_ && trip <= 5 ? ms(trip) / 10 : ms(trip);
  }
  void send(const std::string& node, int way, base::Task task) {
    Link& link = links_[node];
    if (link.cut == Cut::kBoth || (link.cut == Cut::kAnswers && way == 1)) {
      link.held[way].push_back(std::move(task));
      return;
    }
    link.last[way] = std::max(link.last[way], sim_.clock().now() + latency());
    sim_.at(link.last[way], std::move(task));
  }
  void request(const std::string& node, const std::shared_ptr<Operation>& operation) {
    if (is_hung_) {
      waiting_.emplace_back(node, operation);
      return;
    }
    if (away_ > 0) return;
    const bool is_old = old_ && stay_.contains(node);
    (*operation)(is_old ? *old_ : state_);
    if (!is_old) remember();
  }
  void remember() {
    const base::TimePoint now = sim_.clock().now();
    while (!past_.empty() && past_.front().first <= now - 2000ms) past_.pop_front();
    if (!past_.empty() && past_.back().second.writes == state_.writes) return;
    past_.emplace_back(now, state_);
  }
  void replace(State state, std::set<std::string> stay) {
    if (!stay.empty()) {
      old_ = std::make_unique<State>(state_);
      stay_ = std::move(stay);
    }
    state.life = StoreLife{++lives_};
    state_ = std::move(state);
    ++state_.writes;
    past_.clear();
    remember();
  }

  net::sim::Sim& sim_;
  base::Random& random_;
  bool is_slow_;
  bool is_near_ = false;
  std::map<std::string, Link> links_;
  State state_;
  std::unique_ptr<State> old_;  // of the primary that some nodes still reach
  std::set<std::string> stay_;
  std::deque<std::pair<base::TimePoint, State>> past_;
  std::deque<std::pair<std::string, std::shared_ptr<Operation>>> waiting_;
  std::uint64_t lives_ = 1;
  int away_ = 0;
  bool is_hung_ = false;
};

// One node's Store over the server. Destroying it is a crash: what it sent may still arrive.
class WorldStore final : public Store {
 public:
  WorldStore(StoreServer& server, net::Loop& loop, std::string node)
      : server_(server), loop_(loop), node_(std::move(node)) {}
  ~WorldStore() override { stop(); }

  void start() override {}
  void stop() override { open_.reset(); }
  void read(const RecordKey& key, OnAnswer done) override {
    ask(std::move(done), [name = key.name](StoreServer::State& state) {
      const StoreServer::Record& record = state.records[name];
      return answer(StoreAnswer::Kind::kDone, state, record, record.value);
    });
  }
  void write(const RecordKey& key, std::string_view value, Revision expected,
             OnAnswer done) override {
    change(key, value, expected, std::move(done));
  }
  void erase(const RecordKey& key, Revision expected, OnAnswer done) override {
    change(key, {}, expected, std::move(done));
  }
  const std::string& problem() const override { return none_; }

 private:
  using Open = std::map<std::uint64_t, OnAnswer>;

  static StoreAnswer answer(StoreAnswer::Kind kind, const StoreServer::State& state,
                            const StoreServer::Record& record, std::string value) {
    StoreAnswer made;
    made.kind = kind;
    made.life = state.life;
    made.revision = {record.number, static_cast<std::uint64_t>(state.life)};
    made.value = std::move(value);
    return made;
  }
  void change(const RecordKey& key, std::string_view value, Revision expected, OnAnswer done) {
    ask(std::move(done), [&server = server_, name = key.name, text = std::string(value),
                          expected](StoreServer::State& state) {
      StoreServer::Record& record = state.records[name];
      const Revision is{record.number, static_cast<std::uint64_t>(state.life)};
      if (is != expected) return answer(StoreAnswer::Kind::kConflict, state, record, {});
      const std::string before = std::exchange(record.value, text);
      record.number = text.empty() ? 0 : ++state.writes;
      if (text.empty()) ++state.writes;
      if (server.on_write) server.on_write(state, name, before);
      return answer(StoreAnswer::Kind::kDone, state, record, {});
    });
  }
  template <class Work>
  void ask(OnAnswer done, Work work) {
    const std::uint64_t number = ++asked_;
    open_->emplace(number, std::move(done));
    const std::weak_ptr<Open> open = open_;
    server_.send_up(node_, [this, open, number, work](StoreServer::State& state) {
      auto result = std::make_shared<StoreAnswer>(work(state));
      if (open.expired()) return;
      server_.send_down(node_, [this, open, number, result] {
        if (open.expired()) return;
        loop_.post([this, open, number, result] {
          if (!open.expired()) finish(number, std::move(*result));
        });
      });
    });
    loop_.after(kDeadline, [this, open, number] {
      if (!open.expired()) finish(number, {});
    });
  }
  void finish(std::uint64_t number, StoreAnswer answer) {
    const auto found = open_->find(number);
    if (found == open_->end()) return;
    OnAnswer done = std::move(found->second);
    open_->erase(found);
    done(std::move(answer));
  }

  StoreServer& server_;
  net::Loop& loop_;
  const std::string node_;
  const std::string none_;
  std::shared_ptr<Open> open_ = std::make_shared<Open>();
  std::uint64_t asked_ = 0;
};

}  // namespace mr::cluster::test
