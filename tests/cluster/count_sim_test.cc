#include <gtest/gtest.h>

#include <random>

#include "channel/home.h"
#include "cluster/coordinator.h"
#include "cluster/store_counter.h"
#include "fault_world.h"

namespace mr::cluster::test {
namespace {

using model::Verdict;

constexpr base::Duration kTimeout = 50ms;
constexpr std::uint8_t kFossil = delta::FormClass{delta::Algorithm::kFossil}.index();

class CountWorld;

// What one seed has beside the faults.
struct CountSetup {
  std::uint32_t interval = 10;
  bool is_mixed = false;      // node b asks with another interval
  bool is_single = false;     // all messages enter at node a
  bool has_listeners = true;  // node a has subscribers
  std::string off;            // nodes without coordination
};

// Where a node's records are, with a token in each write, so that the oracle knows which of them
// was executed, and which one an answer belongs to.
class WatchedStore final : public Store {
 public:
  WatchedStore(CountWorld& world, net::Loop& loop, const std::string& node);
  void start() override { store_.start(); }
  void stop() override { store_.stop(); }
  void read(const RecordKey& key, OnAnswer done) override { store_.read(key, std::move(done)); }
  void write(const RecordKey& key, std::string_view value, Revision expected,
             OnAnswer done) override;
  void erase(const RecordKey& key, Revision expected, OnAnswer done) override {
    store_.erase(key, expected, std::move(done));
  }
  const std::string& problem() const override { return store_.problem(); }

 private:
  CountWorld& world_;
  WorldStore store_;
};

// Sees every place that was taken, of messages too that had been decided before.
class WatchedEvents final : public CounterEvents {
 public:
  WatchedEvents(CountWorld& world, CounterEvents& to) : world_(world), to_(to) {}
  void on_counted(const CountRequestRef& request, const Counted& counted) override;
  void on_uncounted(const CountRequestRef& request) override { to_.on_uncounted(request); }
  void on_answer(bool came) override { to_.on_answer(came); }

 private:
  CountWorld& world_;
  CounterEvents& to_;
};

std::string plain(std::string_view text) { return std::string(text); }
std::string no_head(std::size_t) { return {}; }

// The product's Home and Coordinator, joined as a node joins them.
class CountNode final : public channel::LoopPort,
                        public channel::OrderSource,
                        public channel::OtherNodes,
                        public channel::Subscribers,
                        public channel::ChainPolicy,
                        public CoordinatorEvents {
 public:
  CountNode(CountWorld& world, std::size_t index);
  net::sim::SimRuntime& runtime() { return runtime_; }
  net::Loop& loop() { return loop_; }
  std::uint64_t life() const { return life_; }
  void start();
  void publish(const std::string& channel, const std::string& key);
  void hear(channel::Publish publish) {
    publish.app = app_;
    publish.is_remote = true;
    home_->publish(std::move(publish), [](const channel::Released&) {});
  }
  bool is_idle() const { return accepted_.empty(); }

  std::size_t self() const override { return 0; }
  std::size_t loop_count() const override { return 1; }
  void post(std::size_t, base::Task task, std::size_t) override { task(); }
  std::size_t mailbox_bytes(std::size_t) const override { return 0; }
  void after(base::Duration delay, base::Task task) override {
    loop_.after(delay, std::move(task));
  }
  const base::Clock& clock() const override { return loop_.clock(); }
  void order(const channel::OrderRequest& request,
             base::Function<void(channel::Order)> answer) override;
  void enter(std::uint32_t, base::Task join) override { join(); }
  void follow(std::uint32_t, base::Task task) override { task(); }
  void occupy(std::uint32_t) override {}
  void vacate(std::uint32_t) override {}
  std::uint64_t send(std::uint32_t, const channel::Publish& publish) override;
  channel::SharedState& shared() override { return shared_; }
  void share(const channel::ShareChange&) override {}
  bool are_there() const override { return true; }
  bool are_known() const override { return true; }
  void deliver(const model::MessageRef& message) override;
  std::uint32_t terminate_user(const std::string&, const std::string&, base::TimePoint) override {
    return 0;
  }
  channel::ChainOptionsRef find(const model::App&, const model::ChannelName&) override {
    return rules_;
  }
  bool coordinates() const override { return is_on_; }
  void on_decided(const CountRequest&, const Counted&) override {}
  void on_other_interval(const CountRequest&, const Count&) override {}

 private:
  CountWorld& world_;
  const std::size_t index_;
  const std::uint64_t life_;
  net::sim::SimRuntime runtime_;
  net::Loop& loop_;
  channel::ChainOptionsRef rules_;
  bool is_on_ = true;
  model::AppRef app_;
  std::unique_ptr<WatchedEvents> events_;
  Coordinator coordinator_;
  std::unique_ptr<channel::Home> home_;
  channel::AloneState shared_;
  std::uint64_t publishing_ = 0;  // the message that is given to the home
  std::map<std::uint64_t, base::TimePoint> accepted_;
};

struct Agreed {
  std::size_t origin = 0;
  Verdict verdict = Verdict::kNone;
};

// Each counted message has its own place in the counter, as the store executed it; order and delay;
// each node follows what was decided.
class CountWorld final : public FaultWorld<CountNode, CountWorld> {
 public:
  CountWorld(std::uint64_t seed, const Setup& setup, CountSetup counts)
      : FaultWorld(seed, setup), counts_(std::move(counts)) {
    server().be_near();
    server().on_write = [this](StoreServer::State& state, const std::string& name,
                               const std::string& before) {
      executed_[token_of(state.records[name].value)] = parse_count(before);
    };
    boot_all();
  }
  const CountSetup& counts() const { return counts_; }

  std::string run() {
    make_faults();
    for (int i = 0; i < 250; ++i) {
      const base::Duration when = ms(random().below(16000));
      plan(when, random().below(size()), random().below(3) == 0 ? "y" : "x", 1 + random().below(6));
      if (random().below(2) == 0)
        plan(when + ms(random().below(3)), random().below(size()), "x", 2);
    }
    end_faults();
    finish();
    return problem();
  }
  void plan(base::Duration when, std::size_t who, const std::string& channel, std::size_t count) {
    const std::string key = random().below(4) == 0 ? "2" : "1";
    at(when, [this, who, channel, key, count] { do_publish(who, channel, key, count); });
  }
  void do_publish(std::size_t who, const std::string& channel, const std::string& key,
                  std::size_t count) {
    const std::size_t to = counts_.is_single ? 0 : who % size();
    if (!is_alive(to)) return;
    for (std::size_t i = 0; i < count; ++i) {
      node(to).loop().post([this, to, channel, key] { node(to).publish(channel, key); });
    }
  }
  void finish() {
    advance(kFaultsEnd + 2500ms);
    for (std::size_t step = 0; step < 200; ++step) {
      do_publish(step, "x", "1", 1 + step % 3);
      advance(now() + 7ms);
    }
    advance(now() + 500ms);
    for (std::size_t i = 0; i < size() && problem().empty(); ++i) {
      if (!node(i).is_idle()) fail("a message was never released");
    }
    if (last_fallback_ > kFaultsEnd + 3500ms) fail("still falling back 3.5 s after the faults");
  }
  void on_crash(std::size_t) {}
  std::uint64_t next_number() { return ++numbers_; }
  std::uint64_t next_life() { return ++lives_; }
  std::string next_token() { return "#" + std::to_string(++tokens_); }
  std::string answering;  // the token of the write that is being answered

  void on_counted(const CountRequest& request, const Counted& counted) {
    const auto executed = executed_.find(answering);
    if (executed == executed_.end()) return fail("a place of a write that never was");
    // The places of one write follow each other from what the store held before it.
    Count& at = executed->second;
    const bool is_full = at.count + 1 >= request.interval;
    if (counted.place != at.count + 1 || counted.is_full != is_full) {
      fail("place " + std::to_string(counted.place) + ", the store's next was " +
           std::to_string(at.count + 1));
    }
    at.count = is_full ? 0 : at.count + 1;
  }
  void on_decided(std::uint64_t number, const Decision& decision) {
    if (decision.is_local) {
      last_fallback_ = now();
      ++fallbacks_;
      return;
    }
    verdicts_[number] = decision.counted.is_full ? Verdict::kFull : Verdict::kDelta;
  }
  void on_released(std::size_t who, std::uint64_t number, Verdict verdict, base::Duration delay) {
    agreed_[number] = {who, verdict};
    fulls_ += verdict == Verdict::kFull ? 1 : 0;
    if (delay > kTimeout * 1.05 + 1ms && !setup().pauses) {
      fail("message " + std::to_string(number) + " waited " + std::to_string(delay / 1ms) + " ms");
    }
    if (verdict == Verdict::kNone && counts_.off.find(name_of(who)) == std::string::npos) {
      fail("message " + std::to_string(number) + " left without a verdict");
    }
    const auto counted = verdicts_.find(number);
    if (counted != verdicts_.end() && counted->second != verdict) {
      fail("message " + std::to_string(number) + " left with another verdict than its place's");
    }
  }
  // At a node's subscriber.
  void on_delivered(std::size_t who, std::uint64_t number, const std::string& channel,
                    const model::ChainEntry& entry) {
    const std::string life = name_of(who) + std::to_string(node(who).life());
    const Agreed& agreed = agreed_[number];
    std::uint64_t& last = order_[life + std::to_string(agreed.origin) + channel];
    if (number <= last) {
      fail(life + ": message " + std::to_string(number) + " after " + std::to_string(last));
    }
    last = number;
    const bool is_full = entry.is_due || entry.base == 0;
    const std::string text = life + channel + "/" + std::to_string(entry.slot);
    std::uint64_t& base = held_[text];
    if (!is_full && entry.base != base) fail(life + ": a delta without its base");
    base = entry.number;
    if (agreed.verdict == Verdict::kNone) return;
    if (is_full != (agreed.verdict == Verdict::kFull || entry.base == 0)) {
      fail(life + ": verdict of " + std::to_string(number) + " not followed");
    }
    if (!counts_.is_single || who != 0 || is_lost_) return;
    std::uint32_t& row = rows_[text];
    row = is_full ? 0 : row + 1;
    if (row > 2 * counts_.interval - 2) fail(std::to_string(row) + " deltas in a row");
  }
  // To every other node.
  void fan_out(std::size_t from, const channel::Publish& publish) {
    auto shared = std::make_shared<const channel::Publish>(publish);
    server().send_up(name_of(from), [this, from, shared](StoreServer::State&) {
      for (std::size_t i = 0; i < size(); ++i) {
        if (i == from || !is_alive(i)) continue;
        server().send_down(name_of(i), [this, i, shared, life = node(i).life()] {
          if (!is_alive(i) || node(i).life() != life) return;
          node(i).loop().post([this, i, shared] { node(i).hear(*shared); });
        });
      }
    });
  }
  void do_away(base::Duration time, bool empty) {
    is_lost_ = is_lost_ || (empty && setup().loses);
    FaultWorld::do_away(time, empty);
  }
  std::size_t fallbacks() const { return fallbacks_; }
  std::size_t fulls() const { return fulls_; }
  std::size_t decided() const { return agreed_.size(); }
  void lose() { is_lost_ = true; }

 private:
  static std::string token_of(const std::string& value) { return value.substr(value.find('#')); }

  const CountSetup counts_;
  std::uint64_t numbers_ = 0, lives_ = 0, tokens_ = 0;
  std::map<std::string, Count> executed_;  // by token: what was there before, then behind it
  std::map<std::uint64_t, Verdict> verdicts_;
  std::map<std::uint64_t, Agreed> agreed_;
  std::map<std::string, std::uint64_t> order_, held_;
  std::map<std::string, std::uint32_t> rows_;
  base::Duration last_fallback_{};
  std::size_t fallbacks_ = 0, fulls_ = 0;
  bool is_lost_ = false;
};

WatchedStore::WatchedStore(CountWorld& world, net::Loop& loop, const std::string& node)
    : world_(world), store_(world.server(), loop, node) {}

void WatchedEvents::on_counted(const CountRequestRef& request, const Counted& counted) {
  world_.on_counted(*request, counted);
  to_.on_counted(request, counted);
}

void WatchedStore::write(const RecordKey& key, std::string_view value, Revision expected,
                         OnAnswer done) {
  const std::string token = world_.next_token();
  store_.write(key, std::string(value) + token, expected,
               [this, token, done = std::move(done)](StoreAnswer answer) mutable {
                 world_.answering = token;
                 done(std::move(answer));
                 world_.answering.clear();
               });
}

CountNode::CountNode(CountWorld& world, std::size_t index)
    : world_(world),
      index_(index),
      life_(world.next_life()),
      runtime_(world.sim(), world.network(), {"10.0.0." + std::to_string(index + 1), 1}),
      loop_(runtime_.loop(0)),
      coordinator_(loop_, *this, [&](CounterEvents& events) {
        const std::string name = CountWorld::name_of(index);
        events_ = std::make_unique<WatchedEvents>(world, events);
        return std::make_unique<StoreCounter>(
            loop_,
            StoreCounter::Source{std::make_unique<WatchedStore>(world, loop_, name), name, "NATS"},
            *events_);
      }) {
  const CountSetup& counts = world.counts();
  const std::string name = CountWorld::name_of(index);
  channel::ChainOptions rules;
  rules.conflation_key = "symbol";
  rules.full_message_interval = counts.interval + (counts.is_mixed && name == "b" ? 1 : 0);
  rules.suspended_messages = 0;
  is_on_ = counts.off.find(name) == std::string::npos;
  rules.is_coordinated = is_on_;
  rules_ = std::make_shared<const channel::ChainOptions>(rules);
  model::AppOptions described;
  described.id = "app";
  app_ = base::make_ref<const model::App>(described);
  channel::Options options;
  options.text_frame = plain;
  options.text_head = no_head;
  options.chain_policy = this;
  home_ = std::make_unique<channel::Home>(*this, *this, options, 1);
  home_->set_subscribers({this}, this);
}

void CountNode::start() {
  coordinator_.start(kTimeout);
  if (index_ == 0 && !world_.counts().has_listeners) return;
  for (const char* channel : {"x", "y"}) {
    channel::Join join{app_, model::ChannelName::parse(channel, 200).value(), 0, {1, 1}, {}};
    join.form_class = kFossil;
    home_->join(join);
  }
}

void CountNode::publish(const std::string& channel, const std::string& key) {
  publishing_ = world_.next_number();
  accepted_[publishing_] = loop_.clock().now();
  const std::string number = std::to_string(publishing_);
  const std::string data =
      "{\"symbol\":\"" + key + "\",\"n\":" + number + ",\"pad\":\"" + std::string(200, 'p') + "\"}";
  home_->publish({app_, model::ChannelName::parse(channel, 200).value(), number, data, {}, {}},
                 [](const channel::Released&) {});
}

void CountNode::order(const channel::OrderRequest& request,
                      base::Function<void(channel::Order)> answer) {
  if (!request.is_counted) return answer(channel::Order::kRelease);
  CounterKey key{std::string(request.app_id), std::string(request.channel),
                 std::string(request.conflation_key)};
  coordinator_.decide(
      std::move(key), request.interval,
      [this, number = publishing_, answer = std::move(answer)](const Decision& decision) mutable {
        world_.on_decided(number, decision);
        if (decision.is_local) return answer(channel::Order::kRelease);
        answer(decision.counted.is_full ? channel::Order::kFull : channel::Order::kDelta);
      });
}

std::uint64_t CountNode::send(std::uint32_t, const channel::Publish& publish) {
  const std::uint64_t number = std::stoull(publish.event);
  world_.on_released(index_, number, publish.verdict, loop_.clock().now() - accepted_.at(number));
  accepted_.erase(number);
  world_.fan_out(index_, publish);
  return number;
}

// One's own is delivered before it is sent.
void CountNode::deliver(const model::MessageRef& message) {
  loop_.post([this, message] {
    const std::string text(message->text());
    const std::size_t at = text.find("\"event\":\"") + 9;
    const std::size_t name = text.find("\"channel\":\"") + 11;
    world_.on_delivered(index_, std::stoull(text.substr(at)), text.substr(name, 1),
                        *message->entry);
  });
}

CountSetup counts_of(base::Random& random) {
  CountSetup counts;
  static constexpr std::uint32_t kIntervals[] = {2, 3, 5, 10};
  static const std::string kOff[] = {"", "", "", "c", "bc"};
  counts.interval = kIntervals[random.below(4)];
  counts.is_mixed = random.below(10) == 0;
  counts.is_single = random.below(10) < 3;
  counts.has_listeners = random.below(4) != 0;
  counts.off = kOff[random.below(5)];
  return counts;
}

std::string run(std::uint64_t seed) {
  base::SeededRandom random(seed * 31 + 7);
  const Setup setup = setup_of(random, false);
  CountWorld world(seed, setup, counts_of(random));
  return world.run();
}

TEST(CountSimTest, PlacesOrderAndDelayHoldWhateverBreaks) {
  const std::uint64_t first = number_of("MILLRACE_SIM_SEED", std::random_device()());
  const std::uint64_t runs = number_of("MILLRACE_SIM_RUNS", 200);
  for (std::uint64_t seed = first; seed < first + runs; ++seed) {
    ASSERT_EQ(run(seed), "") << "MILLRACE_SIM_SEED=" << seed << " MILLRACE_SIM_RUNS=1";
  }
}

Setup calm(bool loses) {
  Setup setup;
  setup.nodes = 4;
  setup.loses = loses;
  return setup;
}

// Four publishers on one key: exactly one in N, and nobody falls back.
std::string exact(std::uint64_t seed) {
  CountWorld world(seed, calm(false), {});
  for (std::size_t step = 0; step < 600; ++step) {
    world.do_publish(step, "x", "1", 1);
    static constexpr std::uint64_t kPauses[] = {0, 1, 3};
    world.advance(world.now() + ms(kPauses[world.random().below(3)]));
  }
  world.advance(world.now() + 300ms);
  if (world.fallbacks() != 0) world.fail(std::to_string(world.fallbacks()) + " fell back");
  if (world.fulls() != 60) world.fail(std::to_string(world.fulls()) + " full ones of 600");
  if (world.decided() != 600) world.fail("not all were released");
  return world.problem();
}

// Many more messages than round trips: nobody is starved.
std::string crowd(std::uint64_t seed) {
  CountWorld world(seed, calm(false), {});
  for (std::size_t step = 0; step < 500; ++step) {
    for (std::size_t who = 0; who < 4; ++who) world.do_publish(who, "x", "1", 1);
    world.advance(world.now() + 200us);
  }
  world.advance(world.now() + 300ms);
  if (world.fallbacks() != 0) world.fail(std::to_string(world.fallbacks()) + " fell back");
  if (world.fulls() != 200) world.fail(std::to_string(world.fulls()) + " full ones of 2,000");
  return world.problem();
}

// What is known of a store that lost everything says nothing about the next one.
std::string new_bucket(std::uint64_t seed) {
  CountWorld world(seed, calm(true), {});
  const auto publish = [&world](std::size_t who, std::size_t count) {
    world.do_publish(who, "x", "1", count);
    world.advance(world.now() + 200ms);
  };
  for (int i = 0; i < 3; ++i) publish(0, 1);
  world.do_away(100ms + ms(seed), true);
  world.advance(world.now() + 200ms);
  for (const auto& [who, count] : {std::pair{1, 3}, {1, 1}, {1, 1}, {0, 1}, {0, 3}, {0, 3}}) {
    publish(static_cast<std::size_t>(who), static_cast<std::size_t>(count));
  }
  return world.problem();
}

// A store that hangs and comes back: local meanwhile, common again within two seconds.
std::string hang(std::uint64_t seed) {
  CountWorld world(seed, calm(false), {});
  for (std::size_t step = 0; step < 3000; ++step) {
    world.do_publish(step, "x", "1", 1);
    world.advance(world.now() + 1ms);
    if (step == 500) world.do_hang(1s);
    if (step == 2000) {
      const std::size_t before = world.fallbacks();
      world.do_publish(0, "x", "1", 1);
      if (before < 500) world.fail("nobody fell back while the store hung");
    }
  }
  return world.problem();
}

struct Story {
  std::string_view name;
  std::string (*tell)(std::uint64_t seed);
};
constexpr Story kStories[] = {
    {"exact", exact}, {"crowd", crowd}, {"new_bucket", new_bucket}, {"hang", hang}};

std::string tell_stories() {
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    for (const Story& story : kStories) {
      const std::string problem = story.tell(seed);
      if (!problem.empty()) {
        return std::string(story.name) + "(" + std::to_string(seed) + "): " + problem;
      }
    }
  }
  return {};
}

TEST(CountSimTest, FourPublishersHaveExactlyOneInNAndAStoreThatComesBackIsAsked) {
  EXPECT_EQ(tell_stories(), "");
}

// Each is a rule left out, by the name under which it is planted.
const std::vector<std::string> kPlantedBugs = {
    "counter_asked_after_sending", "originator_ignores_verdict",
    "receiver_ignores_verdict",    "no_deadline",
    "breaker_stays_open",          "claim_not_bound",
    "count_not_wrapped",           "fallback_not_counted",
    "local_verdict_not_sent"};

TEST(CountSimTest, EachPlantedBugIsCaught) {
  const std::uint64_t runs = number_of("MILLRACE_SIM_PLANTED_RUNS", 100);
  for (const std::string& name : kPlantedBugs) {
    base::planted = name;
    std::string caught = tell_stories();
    for (std::uint64_t seed = 1; seed <= runs && caught.empty(); ++seed) {
      caught = run(seed);
      if (!caught.empty()) caught = "seed " + std::to_string(seed) + ": " + caught;
    }
    base::planted = "";
    EXPECT_NE(caught, "") << name << " is not caught";
    std::cout << name << ": " << caught << "\n";
  }
}

}  // namespace
}  // namespace mr::cluster::test
