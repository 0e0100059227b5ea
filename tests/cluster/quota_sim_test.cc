#include <gtest/gtest.h>

#include <random>

#include "cluster/quotas.h"
#include "fault_world.h"

namespace mr::cluster::test {
namespace {

class QuotaWorld;

constexpr const char* kApp = "app:a";

// A node that admits clients of one app: the product's Registration and Quotas.
class QuotaNode final : public RegistrationEvents {
 public:
  QuotaNode(QuotaWorld& world, std::size_t index);
  ~QuotaNode() {
    quotas_.stop();
    registration_.stop();
    store_.stop();
  }
  net::sim::SimRuntime& runtime() { return runtime_; }
  void start() {
    loop_.after(start_after_, [this] {
      registration_.start();
      quotas_.start();
    });
  }

  // Some clients come; some go.
  void arrive(std::uint64_t count);
  void leave(std::uint64_t count);
  std::uint32_t used() const { return used_; }
  std::uint32_t slice() const { return quotas_.use_of(kApp).slice; }
  std::uint32_t held() const { return std::max(slice(), used_); }
  bool is_stated() const { return quotas_.use_of(kApp).is_stated; }
  bool is_valid() const { return registration_.is_valid(); }
  const Registration& registration() const { return registration_; }
  const Quotas& quotas() const { return quotas_; }

  void on_registered() override;
  void on_node(Change change, const RollLine& line) override {
    changes.emplace_back(change, line.boot);
  }
  void on_name(const std::string&) override {}
  std::vector<std::pair<Change, BootId>> changes;

 private:
  QuotaWorld& world_;
  const std::size_t index_;
  net::sim::SimRuntime runtime_;
  net::Loop& loop_;
  WorldStore store_;
  Registration registration_;
  Quotas quotas_;
  const base::Duration start_after_;
  std::uint32_t used_ = 0;
};

// Clients never exceed the limit plus what nodes that are cut off hold; in the end the whole limit
// can be used by one node.
class QuotaWorld final : public FaultWorld<QuotaNode, QuotaWorld> {
 public:
  QuotaWorld(std::uint64_t seed, const Setup& setup) : FaultWorld(seed, setup) {
    // A cluster that has been there: its store's life is known.
    NodeRoll roll;
    roll.epoch = 1000;
    roll.set_open(StoreLife{1});
    server().state().records["nodes"] = {encode_roll(roll), 1};
    ++server().state().writes;
    boot_all();
  }
  std::string run() {
    make_faults();
    for (int i = 0; i < 40; ++i) {
      static constexpr std::uint64_t kCounts[] = {1, 3, 12};
      const std::size_t who = random().below(size());
      const std::uint64_t count = kCounts[random().below(3)];
      const bool comes = random().below(3) < 2;
      at(ms(random().below(16000)),
         [this, who, count, comes] { comes ? arrive(who, count) : leave(who, count); });
    }
    end_faults();
    finish();
    return problem();
  }
  void arrive(std::size_t who, std::uint64_t count) {
    if (!is_alive(who)) return;
    node(who).runtime().control().post([this, who, count, &to = node(who)] {
      if (is_alive(who) && &node(who) == &to) to.arrive(count);
    });
  }
  void leave(std::size_t who, std::uint64_t count) {
    if (!is_alive(who)) return;
    node(who).runtime().control().post([this, who, count, &to = node(who)] {
      if (is_alive(who) && &node(who) == &to) to.leave(count);
    });
  }
  void finish() {
    const std::size_t hungry = random().below(size());
    for (int step = 0; step < 280; ++step) {
      at(now() + ms(50) * step, [this, hungry] { arrive(hungry, 1); });
    }
    advance(kFaultsEnd + 14s);
    if (used() < setup().limit) {
      fail("14 s after the faults " + std::to_string(used()) + " of " +
           std::to_string(setup().limit) + " can be used");
    }
  }
  std::uint32_t used() const {
    std::uint32_t sum = 0;
    for (const auto& node : nodes_) sum += node ? node->used() : 0;
    return sum;
  }

  BootId new_boot() { return BootId{++boots_}; }
  void on_crash(std::size_t who) { returned_.erase(who); }
  // It has a new registration; what it had admitted it keeps, above the limit if need be.
  void on_restated(std::size_t who) {
    returned_[who] = node(who).used();
    check();
  }
  void on_admitted(std::size_t who) {
    if (setup().refuses && !node(who).is_valid()) fail(name_of(who) + " admitted while cut off");
    check();
  }

 private:
  std::uint64_t stated() {
    const auto roll = parse_roll(server().state().records["nodes"].value);
    const auto page = parse_quota(server().state().records[quota_record_of(kApp)].value);
    std::uint64_t sum = 0;
    if (!roll || !page) {
      fail("a record that cannot be read");
      return 0;
    }
    for (const QuotaSlice& slice : page->slices) {
      if (roll->is_held(slice.boot, slice.epoch)) sum += slice.size;
    }
    return sum;
  }
  void check() {
    std::uint64_t held = 0, excess = 0;
    for (std::size_t i = 0; i < size(); ++i) held += is_alive(i) ? node(i).held() : 0;
    if (std::max(stated(), held) <= setup().limit) {
      std::erase_if(returned_, [this](const auto& entry) {
        return node(entry.first).used() == 0 || node(entry.first).is_stated();
      });
    }
    std::string text;
    for (std::size_t i = 0; i < size(); ++i) {
      if (!is_alive(i)) continue;
      const auto returned = returned_.find(i);
      if (!node(i).is_valid()) {
        excess += node(i).held();
      } else if (returned != returned_.end()) {
        excess += returned->second;
      }
      text += " " + name_of(i) + " " + std::to_string(node(i).used()) + "/" +
              std::to_string(node(i).slice()) + (node(i).is_valid() ? "" : " cut off");
    }
    if (used() > setup().limit + excess) {
      fail(std::to_string(used()) + " clients, limit " + std::to_string(setup().limit) +
           ", slices of the cut off " + std::to_string(excess) + ":" + text);
    }
  }

  std::uint64_t boots_ = 0;
  std::map<std::size_t, std::uint32_t> returned_;  // clients brought back, by node
};

RegistrationOptions registration_options(const std::string& name) { return {name, kNodeTimeout}; }

QuotaNode::QuotaNode(QuotaWorld& world, std::size_t index)
    : world_(world),
      index_(index),
      runtime_(world.sim(), world.network(), {QuotaWorld::name_of(index), 1}),
      loop_(runtime_.control()),
      store_(world.server(), loop_, QuotaWorld::name_of(index)),
      registration_(loop_, store_, world.new_boot(),
                    registration_options(QuotaWorld::name_of(index)), *this),
      quotas_(loop_, store_, registration_, {kNodeTimeout, !world.setup().refuses}),
      start_after_(ms(world.random().below(250))) {}

void QuotaNode::arrive(std::uint64_t count) {
  for (; count > 0; --count) {
    quotas_.acquire(kApp, world_.setup().limit, [this](bool is_granted) {
      if (!is_granted) return;
      ++used_;
      world_.on_admitted(index_);
    });
  }
}

void QuotaNode::leave(std::uint64_t count) {
  for (; count > 0 && used_ > 0; --count) {
    --used_;
    quotas_.release(kApp);
  }
}

void QuotaNode::on_registered() {
  world_.on_restated(index_);
  quotas_.on_registered();
}

std::string run(std::uint64_t seed, bool is_redis) {
  base::SeededRandom random(seed * 31 + 7);
  Setup setup = setup_of(random, is_redis);
  // Each of two primaries would give out the whole limit: that is not promised.
  setup.splits = false;
  return QuotaWorld(seed, setup).run();
}

void run_seeds(bool is_redis) {
  const std::uint64_t first = number_of("MILLRACE_SIM_SEED", std::random_device()());
  const std::uint64_t runs = number_of("MILLRACE_SIM_RUNS", 200);
  std::cout << "seeds " << first << " and the " << runs - 1 << " behind it\n";
  std::uint64_t failed = 0;
  for (std::uint64_t seed = first; seed < first + runs && failed < 5; ++seed) {
    const std::string problem = run(seed, is_redis);
    if (problem.empty()) continue;
    ++failed;
    ADD_FAILURE() << "MILLRACE_SIM_SEED=" << seed << " MILLRACE_SIM_RUNS=1: " << problem;
  }
}

TEST(QuotaSimTest, ALimitHoldsOverAStoreThatLosesWritesOnFailover) { run_seeds(true); }
TEST(QuotaSimTest, ALimitHoldsOverAStoreThatLosesNothing) { run_seeds(false); }

// --- single stories ------------------------------------------------------------------------------

Setup calm(std::size_t nodes, std::uint32_t limit, bool loses = false) {
  Setup setup;
  setup.nodes = nodes;
  setup.limit = limit;
  setup.loses = loses;
  return setup;
}

// All is usable within the node timeout and a second of a crash.
std::string quota_of_the_dead(std::uint64_t seed) {
  QuotaWorld world(seed, calm(4, 100));
  world.at(5s, [&world] { world.arrive(0, 100); });
  world.advance(8000ms + ms(seed % 900));
  if (world.node(0).used() != 100) world.fail("the first node has not all");
  world.do_crash(0);
  const base::Duration crash = world.now();
  for (int step = 0; step < 120; ++step) {
    world.at(crash + ms(50) * step, [&world, step] { world.arrive(1, step > 20 ? 100 : 1); });
  }
  world.advance(crash + kNodeTimeout + 1s);
  if (world.node(1).used() != 100) world.fail("only " + std::to_string(world.node(1).used()));
  return world.problem();
}

// What others hold and do not use is usable within a second.
std::string spare_elsewhere(std::uint64_t seed, std::uint32_t limit) {
  QuotaWorld world(seed, calm(4, limit));
  for (std::size_t who = 0; who < 4; ++who) {
    world.at(5000ms + ms(200 * who), [&world, who, limit] { world.arrive(who, limit / 4); });
    world.at(6500ms, [&world, who, limit] { world.leave(who, limit / 8); });
  }
  world.advance(8s);
  for (int step = 0; step < 20; ++step) {
    world.at(world.now() + ms(50) * step, [&world, limit] { world.arrive(0, limit); });
  }
  world.advance(9s);
  if (world.used() != limit) world.fail("only " + std::to_string(world.used()));
  return world.problem();
}
std::string spare_of_100(std::uint64_t seed) { return spare_elsewhere(seed, 100); }
std::string spare_of_40(std::uint64_t seed) { return spare_elsewhere(seed, 40); }

// A failover forgets that a slice was freed and given away.
std::string forgotten_burial(std::uint64_t seed) {
  QuotaWorld world(seed, calm(2, 10, true));
  world.advance(400ms);
  world.arrive(0, 10);
  world.advance(3s);
  world.leave(0, 7);
  world.do_cut(0, 6500ms, StoreServer::Cut::kBoth, StoreServer::Fate::kLost);
  const auto lines = [&world] {
    return parse_roll(world.server().state().records["nodes"].value).value_or(NodeRoll{}).lines;
  };
  while (lines().size() == 2 && world.now() < 12s) world.advance(world.now() + 50ms);
  world.arrive(1, 10);
  world.advance(world.now() + 600ms);
  if (world.node(1).used() != 10) world.fail("the burial freed nothing");
  world.do_fail_over(900ms, 0ms, {});
  world.do_cut(1, 1500ms, StoreServer::Cut::kBoth, StoreServer::Fate::kKept);
  world.at(10700ms, [&world] { world.arrive(0, 7); });
  world.advance(30s);
  return world.problem();
}

// After a failover, or a start with nothing, all is usable within twice the node timeout and 4 s.
std::string usable_again(std::uint64_t seed) {
  QuotaWorld world(seed, calm(3, 40, true));
  world.advance(2s);
  for (std::size_t who = 0; who < 3; ++who) world.arrive(who, 10);
  world.advance(4s);
  if (seed % 2 == 0) {
    world.do_fail_over(300ms, 0ms, {});
  } else {
    world.do_away(1s, true);
  }
  const base::Duration end = world.now() + (seed % 2 == 0 ? 0s : 1s) + 2 * kNodeTimeout + 4s;
  world.do_crash(2);
  for (base::Duration when = world.now(); when < end; when += 100ms) {
    world.at(when, [&world] { world.arrive(0, 1); });
  }
  world.advance(end);
  if (world.used() != 40) world.fail("only " + std::to_string(world.used()));
  return world.problem();
}

// In a store that nobody knows nothing is given before it was watched for the node timeout, so
// that who was there can say what it holds.
std::string unknown_store(std::uint64_t seed) {
  QuotaWorld world(seed, calm(2, 10, true));
  world.advance(2s);
  world.arrive(0, 10);
  world.advance(4s);
  if (world.node(0).used() != 10) world.fail("the first node has not all");
  world.do_cut(0, 2s, StoreServer::Cut::kBoth, StoreServer::Fate::kLost);
  world.do_away(10ms, true);
  for (int step = 0; step < 60; ++step) {
    world.at(world.now() + ms(100) * step, [&world] { world.arrive(1, 1); });
  }
  world.advance(14s);
  if (world.used() != 10) world.fail(std::to_string(world.used()) + " clients");
  return world.problem();
}

struct Story {
  std::string_view name;
  std::string (*tell)(std::uint64_t seed);
};
constexpr Story kStories[] = {{"quota_of_the_dead", quota_of_the_dead},
                              {"spare_of_100", spare_of_100},
                              {"spare_of_40", spare_of_40},
                              {"forgotten_burial", forgotten_burial},
                              {"usable_again", usable_again},
                              {"unknown_store", unknown_store}};

std::string tell_stories() {
  for (const Story& story : kStories) {
    for (std::uint64_t seed = 0; seed < 6; ++seed) {
      const std::string problem = story.tell(seed);
      if (problem.empty()) continue;
      return std::string(story.name) + "(" + std::to_string(seed) + "): " + problem;
    }
  }
  return {};
}

TEST(QuotaSimTest, AllIsUsableSixSecondsAfterACrashAndOneSecondWhenOthersHaveSpare) {
  EXPECT_EQ(tell_stories(), "");
}

// Each is a rule left out, by the name under which it is planted.
const std::vector<std::string> kPlantedBugs = {
    "freed_too_early",      "never_buried",         "expired_term_renewed", "raised_in_a_new_store",
    "lowered_after_answer", "clients_not_restated", "spare_not_given_back", "refuse_ignored",
    "raised_before_answer", "conflict_ignored"};

TEST(QuotaSimTest, EachPlantedBugIsCaught) {
  const std::uint64_t runs = number_of("MILLRACE_SIM_PLANTED_RUNS", 500);
  for (const std::string& name : kPlantedBugs) {
    base::planted = name;
    std::string caught = tell_stories();
    for (std::uint64_t seed = 1; seed <= runs && caught.empty(); ++seed) {
      for (const bool is_redis : {true, false}) {
        if (caught.empty()) caught = run(seed, is_redis);
      }
      if (!caught.empty()) caught = "seed " + std::to_string(seed) + ": " + caught;
    }
    base::planted = "";
    EXPECT_NE(caught, "") << name << " is not caught";
    std::cout << name << ": " << caught << "\n";
  }
}

}  // namespace
}  // namespace mr::cluster::test
