#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "base/planted.h"
#include "sites.h"

namespace mr::cluster::test {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kSites = 3;
// That a message waits for the broker, published before somebody wanted it and sent afterwards.
constexpr base::Duration kWaitMax = 10s;
const std::vector<std::string> kChannels = {"c0", "c1", "c2", "c3", "d0", "d1", "o0", "o2"};

std::uint64_t number_of(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

// Nodes, publishers and faults of one seed, and what must hold of them (docs/cluster.md, "Order
// and gaps"). One seed in four has no fault.
class World {
 public:
  explicit World(std::uint64_t seed)
      : seed_(seed),
        sim_(seed),
        random_(seed ^ 0x5eed),
        network_(sim_),
        broker_(sim_.clock(), random_,
                [this](base::Duration delay, base::Task task) {
                  sim_.at(sim_.clock().now() + delay, std::move(task));
                }),
        is_calm_(seed % 4 == 0),
        fault_rate_(is_calm_ ? 0 : 1 + seed % 3) {}

  // What is wrong; empty: nothing.
  std::string run() {
    for (std::size_t i = 0; i < kSites; ++i) {
      sim_.run_for(std::chrono::milliseconds(random_.below(300)));
      start(i);
    }
    begin_residents();
    for (int step = 0; step < 300 && problem_.empty(); ++step) {
      sim_.run_for(std::chrono::milliseconds(random_.below(100)));
      if (random_.below(3) == 0) operate();
      if (random_.below(75) < fault_rate_) break_something();
      end_faults(false);
      check_burials();
    }
    end_faults(true);
    for (int step = 0; step < 60 && problem_.empty(); ++step) {
      sim_.run_for(250ms);
      if (random_.below(4) == 0) operate();
      check_burials();
    }
    sim_.run_for(12s);
    if (problem_.empty()) check_all_hear();
    if (problem_.empty()) check_end();
    return problem_;
  }

 private:
  struct Message {
    BootId origin = BootId::kNone;
    std::string channel;
    base::TimePoint at{};
    bool is_answered = false;  // else it may be lost without a word
  };
  struct Ending {
    base::TimePoint at{};
    base::Task end;
  };

  void fail(const std::string& text) {
    if (problem_.empty()) problem_ = text;
  }
  void start(std::size_t index) {
    sites_[index] = std::make_unique<Site>(sim_, network_, broker_, "n" + std::to_string(index),
                                           static_cast<BootId>(++boots_), batches(index));
    await_newcomer(index, sites_[index]->boot());
  }
  // Every other seed; with different settings on one node.
  BatchOptions batches(std::size_t index) const {
    if (seed_ / 4 % 2 == 0) return {.is_on = false};
    BatchOptions some;
    some.is_on = index > 0;
    some.interval = std::chrono::milliseconds(seed_ / 8 % 3 * 50);
    some.envelopes_max = 5;
    some.compresses = seed_ / 8 % 2 == 0;
    return some;
  }
  Site* live(std::size_t index) {
    Site* const site = sites_[index].get();
    return site == nullptr || site->is_frozen() ? nullptr : site;
  }
  // Subscribers that stay where they are.
  void begin_residents() {
    for (const std::string& channel : kChannels) {
      for (std::size_t i = 0; i < kSites; ++i) {
        if (random_.below(3) > 0) residents_.insert({i, channel});
      }
    }
    for (const auto& [index, channel] : residents_) sites_[index]->subscribe(channel);
  }
  void operate() {
    const std::size_t index = random_.below(kSites);
    const std::string& channel = kChannels[random_.below(kChannels.size())];
    Site* const site = live(index);
    if (site == nullptr || !site->control().has_joined()) return;
    switch (random_.below(8)) {
      case 0:
        if (!residents_.contains({index, channel})) site->subscribe(channel);
        return;
      case 1:
        if (!residents_.contains({index, channel})) site->unsubscribe(channel);
        return;
      default:
        for (std::uint64_t i = random_.below(6); i > 0; --i) publish(*site, channel);
    }
  }
  // The first thing that a node does is to publish, and others may lose it.
  void await_newcomer(std::size_t index, BootId boot) {
    Site* const site = sites_[index].get();
    if (site == nullptr || site->boot() != boot) return;
    if (!site->control().has_joined()) {
      sim_.at(sim_.clock().now() + 1ms, [this, index, boot] { await_newcomer(index, boot); });
      return;
    }
    for (const std::string& channel : kChannels) publish(*site, channel);
    if (is_calm_) return;
    const std::string other = "n" + std::to_string((index + 1) % kSites);
    note_trouble(other, 0ms);
    if (random_.below(3) == 0) broker_.drop(other);
    if (random_.below(3) == 0) broker_.deafen(other, partition_subject(1));
  }
  void publish(Site& site, const std::string& channel) {
    const std::uint64_t number = ++messages_given_;
    site.publish(channel, number, [this, number, channel, origin = site.boot()](bool answered) {
      const auto at = messages_.try_emplace(number, Message{origin, channel, sim_.clock().now()});
      at.first->second.is_answered = answered;
    });
  }

  void break_something() {
    const std::size_t index = random_.below(kSites);
    const std::string name = "n" + std::to_string(index);
    const auto subject = partition_subject(static_cast<std::uint32_t>(random_.below(kPartitions)));
    const base::Duration lasting = std::chrono::milliseconds(300 + random_.below(7000));
    note_trouble(name, lasting);
    switch (random_.below(8)) {
      case 0:
        if (sites_[index] == nullptr) return;
        crashed_.insert(sites_[index]->boot());
        sites_[index].reset();
        return later(lasting, [this, index] { restart(index); });
      case 1:
        if (Site* const site = live(index)) {
          site->set_frozen(true);
          later(lasting, [this, index, boot = site->boot()] {
            if (sites_[index] && sites_[index]->boot() == boot) sites_[index]->set_frozen(false);
          });
        }
        return;
      case 2: {
        const std::uint64_t ways = 1 + random_.below(3);
        broker_.set_cut(name, (ways & 1) != 0, (ways & 2) != 0);
        return later(lasting, [this, name] { broker_.set_cut(name, false, false); });
      }
      case 3:
        return broker_.drop(name);
      case 4:
        return broker_.deafen(name, subject);
      case 5:
        broker_.set_doubled(std::pair(name, subject));
        return later(lasting, [this] { broker_.set_doubled(std::nullopt); });
      case 6:
        for (std::size_t i = 0; i < kSites; ++i) note_trouble("n" + std::to_string(i), lasting);
        broker_.set_down(true, random_.below(2) == 0);
        return later(lasting, [this] { broker_.set_down(false); });
      default:
        for (std::size_t i = 0; i < kSites; ++i) note_trouble("n" + std::to_string(i), lasting);
        broker_.set_hung(true);
        return later(lasting, [this] { broker_.set_hung(false); });
    }
  }
  void note_trouble(const std::string& name, base::Duration lasting) {
    base::TimePoint& until = trouble_[name];
    until = std::max(until, sim_.clock().now() + lasting + 1s);
  }
  void restart(std::size_t index) {
    if (sites_[index] != nullptr) return;
    start(index);
    for (const auto& [of, channel] : residents_) {
      if (of == index) sites_[index]->subscribe(channel);
    }
  }
  void later(base::Duration delay, base::Task end) {
    endings_.push_back({sim_.clock().now() + delay, std::move(end)});
  }
  void end_faults(bool all) {
    for (Ending& ending : endings_) {
      if (!ending.end || (!all && ending.at > sim_.clock().now())) continue;
      base::Task end = std::move(ending.end);
      ending.end = nullptr;
      end();
    }
  }

  bool is_well(const Site& site) { return sim_.clock().now() - trouble_[site.name()] >= 6500ms; }
  // Nobody is taken for dead who was well for the node timeout. Who is cut off goes by what it
  // knew.
  void check_burials() {
    for (const auto& site : sites_) {
      if (site == nullptr || site->is_frozen()) continue;
      for (const auto& other : sites_) {
        if (other == nullptr) continue;
        const NodeLine* const line = site->control().table().find(other->boot());
        const bool is_dead = line != nullptr && !line->is_alive;
        bool& was_dead = taken_for_dead_[{site->boot(), other->boot()}];
        const bool may_stay_dead = was_dead && !is_well(*site);
        if (is_dead && is_well(*other) && !may_stay_dead) {
          fail(site->name() + " buries " + other->name());
        }
        was_dead = is_dead;
      }
    }
  }
  // When all is well again, a message of each node comes to every subscriber.
  void check_all_hear() {
    for (const auto& site : sites_) {
      for (const std::string& channel : kChannels) publish(*site, channel);
    }
    const std::uint64_t first = messages_given_ - kSites * kChannels.size();
    sim_.run_for(3s);
    for (const auto& site : sites_) {
      for (const auto& [channel, since] : site->journal().live) {
        std::uint64_t heard = 0;
        for (const auto& [message, origin] : site->journal().delivered[channel]) {
          if (message > first) ++heard;
        }
        if (heard != kSites) fail(site->name() + " does not hear " + channel + " any more");
      }
    }
  }
  void check_end() {
    for (const auto& site : sites_) {
      if (!site->control().has_joined()) fail(site->name() + " has not joined");
      if (!site->control().is_heard()) fail(site->name() + " does not hear its own heartbeats");
      check_table(*site);
      for (std::size_t loop = 0; loop < site->loop_count(); ++loop) {
        const RelayState state = site->relay(loop).state();
        if (state.is_deaf) fail(site->name() + " is deaf");
        if (state.queued_bytes > 0) fail(site->name() + " did not send its queue");
        if (is_calm_ && state.queue_dropped > 0) fail(site->name() + " dropped from its queue");
        if (is_calm_) check_calm(*site, site->relay(loop).counters());
      }
      for (const std::string& channel : kChannels) check_channel(*site, channel);
    }
    for (const std::string& channel : kChannels) {
      if (is_ordered(channel)) check_same_order(channel);
    }
  }
  void check_table(Site& site) {
    std::size_t alive = 0;
    for (const NodeLine& line : site.control().table().lines()) alive += line.is_alive ? 1 : 0;
    if (alive != kSites) fail(site.name() + " counts " + std::to_string(alive) + " nodes");
  }
  void check_calm(const Site& site, const RelayCounters& counters) {
    if (counters.resubscribed + counters.duplicates + counters.missed + counters.gaps_unknown +
            counters.served_offline >
        0) {
      fail(site.name() + " notes a fault, and there was none");
    }
  }
  void check_channel(Site& site, const std::string& channel) {
    const Journal& journal = site.journal();
    std::map<BootId, std::uint64_t> last;
    std::set<std::uint64_t> had;
    const auto heard = journal.delivered.find(channel);
    if (heard != journal.delivered.end()) {
      for (const auto& [message, origin] : heard->second) {
        if (!had.insert(message).second) fail(what(site, channel, message) + " came twice");
        if (message < last[origin]) fail(what(site, channel, message) + " came out of order");
        last[origin] = message;
      }
    }
    const auto live = journal.live.find(channel);
    if (live == journal.live.end()) return;
    check_losses(site, channel, had, live->second);
  }
  // Of the messages that two nodes had both had the same one first.
  void check_same_order(const std::string& channel) {
    for (const auto& one : sites_) {
      std::map<std::uint64_t, std::size_t> places;
      for (const auto& heard : one->journal().delivered[channel]) {
        places.try_emplace(heard.message, places.size());
      }
      for (const auto& other : sites_) {
        std::size_t last = 0;
        for (const auto& heard : other->journal().delivered[channel]) {
          const auto place = places.find(heard.message);
          if (place == places.end()) continue;
          if (place->second < last) {
            fail(what(*other, channel, heard.message) + " has another place at " + one->name());
          }
          last = place->second;
        }
      }
    }
  }
  // What was sent since the subscriber was confirmed came, or was counted.
  void check_losses(Site& site, const std::string& channel, const std::set<std::uint64_t>& had,
                    base::TimePoint since) {
    const Journal& journal = site.journal();
    std::uint64_t missing = 0, missing_of_the_dead = 0, missing_since_wanted = 0;
    std::uint64_t example = 0;
    for (const auto& [number, message] : messages_) {
      if (message.channel != channel || had.contains(number)) continue;
      if (message.origin == site.boot() && !is_ordered(channel)) continue;
      if (message.at >= journal.wanted.at(channel) - kWaitMax) ++missing_since_wanted;
      if (message.at < since || !message.is_answered) continue;
      ++(crashed_.contains(message.origin) ? missing_of_the_dead : missing);
      example = number;
    }
    if (is_calm_ && missing > 0) fail(what(site, channel, example) + " did not come");
    const bool is_unknown = journal.unknown.contains(partition_of(channel));
    const auto told = journal.missed.find(channel);
    const std::uint64_t reported = told == journal.missed.end() ? 0 : told->second;
    // Who unsubscribed for a while was told of gaps then, too; residents never do.
    const bool is_resident =
        residents_.contains({static_cast<std::size_t>(site.name().back() - '0'), channel});
    if (!is_unknown && missing > reported) {
      fail(what(site, channel, example) + " did not come: " + std::to_string(missing) +
           " missing, " + std::to_string(reported) + " told");
    }
    if (is_resident && reported > missing_since_wanted + missing_of_the_dead) {
      fail(what(site, channel, example) + ": " + std::to_string(reported) + " told, " +
           std::to_string(missing_since_wanted) + " missing");
    }
  }
  std::string what(const Site& site, const std::string& channel, std::uint64_t message) {
    return site.name() + ": message " + std::to_string(message) + " of " + channel;
  }

  const std::uint64_t seed_;
  net::sim::Sim sim_;
  base::SeededRandom random_;
  net::sim::SimNetwork network_;
  memory::MemoryBroker broker_;
  const bool is_calm_;
  const std::uint64_t fault_rate_;
  std::array<std::unique_ptr<Site>, kSites> sites_;
  std::set<std::pair<std::size_t, std::string>> residents_;
  std::map<std::uint64_t, Message> messages_;
  std::set<BootId> crashed_;
  std::map<std::string, base::TimePoint> trouble_;            // until when, of a node
  std::map<std::pair<BootId, BootId>, bool> taken_for_dead_;  // of a node by another
  std::vector<Ending> endings_;
  std::uint64_t messages_given_ = 0;
  std::uint64_t boots_ = 0;
  std::string problem_;
};

TEST(RelaySimTest, OrderAndCountsHoldWhateverBreaks) {
  const std::uint64_t first = number_of("MILLRACE_SIM_SEED", std::random_device()());
  const std::uint64_t runs = number_of("MILLRACE_SIM_RUNS", 200);
  std::cout << "seeds " << first << " and the " << runs - 1 << " behind it\n";
  std::uint64_t failed = 0;
  for (std::uint64_t seed = first; seed < first + runs && failed < 5; ++seed) {
    const std::string problem = World(seed).run();
    if (problem.empty()) continue;
    ++failed;
    ADD_FAILURE() << "MILLRACE_SIM_SEED=" << seed << " MILLRACE_SIM_RUNS=1: " << problem;
  }
}

// Each is a rule left out, by the name under which the product plants it.
const std::vector<std::string> kPlantedBugs = {"first_message_is_baseline",
                                               "old_reply_confirms",
                                               "number_after_queue",
                                               "gap_check_off",
                                               "echo_accepted",
                                               "duplicate_accepted",
                                               "lost_tail_ignored",
                                               "no_probe",
                                               "confirmed_before_broker",
                                               "interest_dropped",
                                               "no_markers",
                                               "baseline_forgotten",
                                               "death_by_clock_alone",
                                               "joined_before_welcome",
                                               "ordered_at_once",
                                               "marker_overtakes_batch"};

TEST(RelaySimTest, EachPlantedBugIsCaught) {
  const std::uint64_t runs = number_of("MILLRACE_SIM_PLANTED_RUNS", 500);
  for (const std::string& name : kPlantedBugs) {
    base::planted = name;
    std::uint64_t seed = 1;
    while (seed <= runs && World(seed).run().empty()) ++seed;
    base::planted = "";
    EXPECT_LE(seed, runs) << name << " is not caught";
    std::cout << name << ": seed " << seed << "\n";
  }
}

TEST(RelaySimTest, ASeedGivesTheSameRunTwice) {
  for (std::uint64_t seed = 1; seed < 4; ++seed) {
    EXPECT_EQ(World(seed).run(), World(seed).run()) << seed;
  }
}

}  // namespace
}  // namespace mr::cluster::test
