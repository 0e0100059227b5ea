#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <random>
#include <regex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/planted.h"
#include "cluster_world.h"

namespace mr::app::test {
namespace {

const std::string kChannel = "presence-room";

// A connection of one user, and what it is shown: the list that it got and the events after it.
class Member {
 public:
  struct Reports {
    base::Function<void(const std::set<std::string>&)> on_live;  // the first list
    base::Function<void(const std::string&)> on_removed;
  };
  Member(net::Loop& loop, const net::Address& address, std::string user, std::size_t node,
         Reports reports)
      : user_(std::move(user)),
        node_(node),
        reports_(std::move(reports)),
        client_(loop, {.address = address, .host = {}, .key = "key", .secret = "secret"},
                {[this](std::string_view) {
                   client_.subscribe(kChannel, "{\"user_id\":\"" + user_ + "\"}");
                 },
                 [this](const client::PusherEvent& event) { take(event); },
                 {},
                 [this](const client::PusherClosed&) { is_closed_ = true; }}) {
    client_.connect();
  }

  const std::string& user() const { return user_; }
  std::size_t node() const { return node_; }
  bool is_live() const { return is_live_ && !is_closed_; }
  bool is_closed() const { return is_closed_; }
  const std::set<std::string>& shown() const { return shown_; }
  const std::string& problem() const { return problem_; }
  // Subscribes once more, with other data.
  void change_data() {
    client_.subscribe(kChannel, "{\"user_id\":\"" + user_ +
                                    "\",\"user_info\":{\"n\":" + std::to_string(++changes_) + "}}");
  }
  void close() {
    is_closed_ = true;
    client_.close();
  }

 private:
  void take(const client::PusherEvent& event) {
    if (is_closed_) return;
    static const std::regex kIds(R"x("ids":\[([^\]]*)\])x"), kUser(R"x("user_id":"(\w+)")x"),
        kText(R"x("(\w+)")x");
    std::smatch found;
    if (event.event == "pusher_internal:subscription_succeeded") {
      const std::set<std::string> before = std::exchange(shown_, {});
      if (!std::regex_search(event.data, found, kIds)) return fail("a list without ids");
      const std::string ids = found[1];
      for (std::sregex_iterator id(ids.begin(), ids.end(), kText), end; id != end; ++id) {
        if (!shown_.insert((*id)[1]).second) fail((*id)[1].str() + " is in the list twice");
      }
      if (!shown_.contains(user_)) fail("the own user is missing from the list");
      if (std::exchange(is_live_, true)) {
        overtaken_ = before;
        overtaken_.insert(shown_.begin(), shown_.end());
      } else {
        reports_.on_live(shown_);
      }
    } else if (event.event == "pusher_internal:member_added") {
      if (!std::regex_search(event.data, found, kUser)) return fail("an addition without a user");
      if (!shown_.insert(found[1]).second && overtaken_.erase(found[1]) == 0) {
        fail(found[1].str() + " was added twice");
      }
    } else if (event.event == "pusher_internal:member_removed") {
      if (!std::regex_search(event.data, found, kUser)) return fail("a removal without a user");
      if (shown_.erase(found[1]) == 0 && overtaken_.erase(found[1]) == 0) {
        fail(found[1].str() + " was removed twice");
      }
      reports_.on_removed(found[1]);
    }
  }
  void fail(const std::string& text) {
    if (problem_.empty()) problem_ = user_ + " at node " + std::to_string(node_) + ": " + text;
  }

  const std::string user_;
  const std::size_t node_;
  Reports reports_;
  client::PusherClient client_;
  std::set<std::string> shown_;
  std::string problem_;
  std::set<std::string> overtaken_;  // by a second list, which may hold news that come behind it
  int changes_ = 0;
  bool is_live_ = false;
  bool is_closed_ = false;
};

// Users come, go and move between the nodes of one seed, while the broker and nodes fail; one seed
// in four has no fault.
class Room {
 public:
  explicit Room(std::uint64_t seed)
      : world_(seed), random_(seed ^ 0x9e5e), is_calm_(seed % 4 == 0) {}
  ~Room() {
    for (const auto& member : members_) member->close();
  }

  std::string run() {
    world_.sim.run_for(2s);
    for (int step = 0; step < 70 && problem_.empty(); ++step) {
      world_.sim.run_for(std::chrono::milliseconds(random_.below(300)));
      operate();
      if (!is_calm_ && random_.below(12) == 0) break_something();
      heal(false);
      collect_problems();
    }
    heal(true);
    world_.sim.run_for(15s);
    collect_problems();
    if (problem_.empty()) check_end();
    return problem_;
  }

 private:
  void operate() {
    const std::size_t node = random_.below(kNodes);
    const std::string user = "u" + std::to_string(random_.below(5));
    switch (random_.below(5)) {
      case 0:
      case 1:
        come(node, user);
        return;
      case 2:
        if (Member* const member = any()) leave(*member);
        return;
      case 3:
        if (Member* const member = any()) member->change_data();
        return;
      default:
        // To another node first, as a browser with two tabs does.
        if (Member* const member = any()) move(*member);
    }
  }
  void move(Member& member) {
    Member* const next = come((member.node() + 1) % kNodes, member.user());
    if (next == nullptr) return;
    world_.sim.run_until([next] { return next->is_live(); }, 500ms);
    if (member.is_live()) leave(member);
  }
  Member* come(std::size_t node, const std::string& user) {
    if (world_.nodes[node] == nullptr || members_.size() > 60) return nullptr;
    members_.push_back(std::make_unique<Member>(
        world_.loop(), world_.address(node), user, node,
        Member::Reports{[this, user](const std::set<std::string>& list) {
                          note(user, 1);
                          check_list(list);
                        },
                        [this, index = members_.size()](const std::string& gone) {
                          check_removed_soon(*members_[index], gone);
                        }}));
    return members_.back().get();
  }
  void leave(Member& member) {
    const bool was_live = member.is_live();
    member.close();
    if (was_live) note(member.user(), -1);
  }
  void note(const std::string& user, int change) {
    Stay& stay = stays_[user];
    if (stay.connections == 0) stay.absent_until = world_.sim.clock().now();
    stay.connections += change;
  }
  // Who has other data is removed and added at once; packets take some ms.
  void check_removed_soon(const Member& witness, const std::string& user) {
    world_.sim.at(world_.sim.clock().now() + 20ms, [this, &witness, user] {
      if (!witness.shown().contains(user)) check_removed(user);
    });
  }
  // Who moves is never shown as gone. While things break, who stays is not for long.
  void check_removed(const std::string& user) {
    const base::TimePoint now = world_.sim.clock().now();
    const Stay& stay = stays_[user];
    const base::Duration patience = is_calm_ ? base::Duration(300ms) : base::Duration(5s);
    if (stay.connections == 0 || now - stay.absent_until < patience || !problem_.empty()) return;
    if (is_calm_ || now - last_fault_ > 8s) problem_ = user + " is shown as gone, and is not";
  }
  // Whoever has been there for long is in every list, also in the first ones of a new node.
  void check_list(const std::set<std::string>& list) {
    const base::TimePoint now = world_.sim.clock().now();
    if (now - last_broker_fault_ < 8s) return;
    for (const auto& [user, stay] : stays_) {
      if (stay.connections == 0 || now - stay.absent_until < 5s || list.contains(user)) continue;
      if (problem_.empty()) problem_ = user + " is missing from a list";
    }
  }
  Member* any() {
    std::vector<Member*> live;
    for (const auto& member : members_) {
      if (member->is_live()) live.push_back(member.get());
    }
    return live.empty() ? nullptr : live[random_.below(live.size())];
  }
  void break_something() {
    const std::size_t node = random_.below(kNodes);
    const base::TimePoint until =
        world_.sim.clock().now() + std::chrono::milliseconds(300 + random_.below(7000));
    const std::uint64_t what = random_.below(5);
    if (what < 4) last_broker_fault_ = std::max(last_broker_fault_, until);
    last_fault_ = std::max(last_fault_, until);
    switch (what) {
      case 0:
        return world_.broker.drop(host_of(node));
      case 1:
        return world_.broker.deafen(host_of(node), cluster::Subject::kControl);
      case 2:
        world_.broker.set_down(true);
        broker_until_ = until;
        return;
      case 3:
        world_.broker.set_hung(true);
        broker_until_ = until;
        return;
      default:
        if (world_.nodes[node] == nullptr) return;
        for (const auto& member : members_) {
          if (member->node() == node && !member->is_closed()) leave(*member);
        }
        world_.nodes[node].reset();
        node_until_[node] = until;
    }
  }
  void heal(bool all) {
    const base::TimePoint now = world_.sim.clock().now();
    if (all || broker_until_ <= now) {
      world_.broker.set_down(false);
      world_.broker.set_hung(false);
    }
    for (std::size_t node = 0; node < kNodes; ++node) {
      if (world_.nodes[node] != nullptr || (!all && node_until_[node] > now)) continue;
      world_.start(node);
      come(node, "u" + std::to_string(random_.below(5)));
    }
  }
  void collect_problems() {
    for (const auto& member : members_) {
      if (problem_.empty()) problem_ = member->problem();
    }
  }
  void check_end() {
    std::set<std::string> users;
    std::size_t connections = 0;
    for (const auto& member : members_) {
      if (!member->is_live()) continue;
      users.insert(member->user());
      ++connections;
    }
    for (const auto& member : members_) {
      if (!member->is_live() || member->shown() == users) continue;
      problem_ = member->user() + " at node " + std::to_string(member->node()) + " is shown " +
                 text_of(member->shown()) + ", and here are " + text_of(users);
    }
    for (std::size_t node = 0; node < kNodes && problem_.empty(); ++node) {
      check_queries(node, users, connections);
    }
  }
  void check_queries(std::size_t node, const std::set<std::string>& users,
                     std::size_t connections) {
    client::RestClient rest(world_.loop(), {world_.address(node), {}, "app", "key", "secret"});
    std::string listed, counted;
    bool is_done = false;
    rest.get("/channels/" + kChannel + "/users", {},
             [&](const client::RestReply& reply) { listed = reply.body; });
    rest.get("/channels/" + kChannel, {{"info", "user_count,subscription_count"}},
             [&](const client::RestReply& reply) {
               counted = reply.body;
               is_done = true;
             });
    world_.sim.run_until([&] { return is_done; }, 10s);
    std::set<std::string> found;
    static const std::regex kId(R"x("id":"(\w+)")x");
    for (std::sregex_iterator id(listed.begin(), listed.end(), kId), end; id != end; ++id) {
      found.insert((*id)[1]);
    }
    if (found != users) {
      problem_ = "node " + std::to_string(node) + " lists " + text_of(found) + ", and here are " +
                 text_of(users);
    }
    const std::string wanted = "\"subscription_count\":" + std::to_string(connections);
    if (connections > 0 && counted.find(wanted) == std::string::npos) {
      problem_ = "node " + std::to_string(node) + " answers " + counted + ", and here are " +
                 std::to_string(connections);
    }
  }
  static std::string text_of(const std::set<std::string>& users) {
    std::string text = "{";
    for (const std::string& user : users) text += " " + user;
    return text + " }";
  }

  struct Stay {
    int connections = 0;
    base::TimePoint absent_until{};
  };

  ClusterWorld world_;
  base::SeededRandom random_;
  const bool is_calm_;
  std::vector<std::unique_ptr<Member>> members_;
  std::map<std::string, Stay> stays_;
  base::TimePoint broker_until_{};
  base::TimePoint last_fault_{};
  base::TimePoint last_broker_fault_{};
  std::array<base::TimePoint, kNodes> node_until_{};
  std::string problem_;
};

TEST(PresenceSimTest, OneAdditionAndOneRemovalOfEachUserWhateverBreaks) {
  const std::uint64_t first = chosen("MILLRACE_SIM_SEED", std::random_device()());
  const std::uint64_t runs = chosen("MILLRACE_SIM_RUNS", 200);
  std::cout << "seeds " << first << " and the " << runs - 1 << " behind it\n";
  int failed = 0;
  for (std::uint64_t seed = first; seed < first + runs && failed < 3; ++seed) {
    const std::string problem = Room(seed).run();
    if (problem.empty()) continue;
    ++failed;
    ADD_FAILURE() << "MILLRACE_SIM_SEED=" << seed << " MILLRACE_SIM_RUNS=1: " << problem;
  }
}

// Of one user, what a client heard after its list: `+` with the data that came, or `-`.
std::string heard_of(const SimClient& client, const std::string& user) {
  std::string text;
  for (const client::PusherEvent& event : client.members) {
    if (event.data.find("\"user_id\":\"" + user + "\"") == std::string::npos) continue;
    const std::size_t at = event.data.find("\"n\":");
    text +=
        event.event == "pusher_internal:member_added" ? "+" + event.data.substr(at + 4, 1) : "-";
  }
  return text;
}

std::string data_of(const std::string& user, int number) {
  return "{\"user_id\":\"" + user + "\",\"user_info\":{\"n\":" + std::to_string(number) + "}}";
}

TEST(PresenceSimTest, OtherDataOfAUserIsNewsAtEveryNode) {
  ClusterWorld world(7);
  world.sim.run_for(2s);
  std::vector<SimClient*> witnesses;
  for (std::size_t node = 0; node < kNodes; ++node) {
    SimClient& witness = world.connect(node, {});
    witness->subscribe(kChannel, data_of("w" + std::to_string(node), 0));
    witnesses.push_back(&witness);
  }
  world.sim.run_for(1s);
  SimClient& user = world.connect(0, {});
  for (const int number : {1, 1, 2}) {
    user->subscribe(kChannel, data_of("u", number));
    world.sim.run_for(1s);
  }
  for (const SimClient* witness : witnesses) EXPECT_EQ(heard_of(*witness, "u"), "+1-+2");
}

TEST(PresenceSimTest, WhoHasOtherDataAtOneOfTwoNodesIsNotGone) {
  ClusterWorld world(8);
  world.sim.run_for(2s);
  SimClient& witness = world.connect(0, {});
  witness->subscribe(kChannel, data_of("w", 0));
  for (const std::size_t node : {0, 1}) {
    world.connect(node, {})->subscribe(kChannel, data_of("u", 1));
    world.sim.run_for(1s);
  }
  (*world.clients[1])->subscribe(kChannel, data_of("u", 2));
  world.sim.run_for(1s);
  EXPECT_EQ(heard_of(witness, "u"), "+1");
}

// A user moves from node 0 to node 1 while node 2 hears nothing of other nodes. Which of the two it
// hears first again, the seed decides; nobody there may be told that he went.
std::string move_unheard(std::uint64_t seed) {
  ClusterWorld world(seed);
  base::SeededRandom random(seed ^ 0xd0b7);
  world.sim.run_for(2s);
  std::vector<SimClient*> witnesses;
  for (std::size_t node = 0; node < kNodes; ++node) {
    SimClient& witness = world.connect(node, {});
    witness->subscribe(kChannel, data_of("w" + std::to_string(node), 0));
    witnesses.push_back(&witness);
  }
  world.sim.run_for(2s);
  SimClient& before = world.connect(0, {});
  before->subscribe(kChannel, data_of("u", 1));
  world.sim.run_for(std::chrono::milliseconds(1000 + random.below(1000)));
  world.broker.deafen(host_of(2), cluster::Subject::kControl);
  world.sim.run_for(50ms);
  SimClient& after = world.connect(1, {});
  after->subscribe(kChannel, data_of("u", 1));
  world.sim.run_for(std::chrono::milliseconds(100 + random.below(400)));
  before->close();
  world.sim.run_for(8s);
  const std::string heard = heard_of(*witnesses[2], "u");
  return heard == "+1" ? "" : "who moved is shown as " + heard + " and not as +1";
}

TEST(PresenceSimTest, WhoMovesWhileANodeHearsNothingIsNotGoneThere) {
  const std::uint64_t first = chosen("MILLRACE_SIM_SEED", std::random_device()());
  const std::uint64_t runs = chosen("MILLRACE_SIM_RUNS", 100);
  for (std::uint64_t seed = first; seed < first + runs; ++seed) {
    ASSERT_EQ(move_unheard(seed), "") << "MILLRACE_SIM_SEED=" << seed << " MILLRACE_SIM_RUNS=1";
  }
}

std::string run_room(std::uint64_t seed) { return Room(seed).run(); }

TEST(PresenceSimTest, EachPlantedBugIsCaught) {
  struct Bug {
    const char* name;
    std::string (*run)(std::uint64_t seed);
  };
  const std::uint64_t runs = chosen("MILLRACE_SIM_PLANTED_RUNS", 200);
  for (const auto& [name, run] : {Bug{"digest_ignored", &run_room},
                                  {"share_of_the_dead_kept", &run_room},
                                  {"removed_at_once", &run_room},
                                  {"removed_in_doubt", &move_unheard},
                                  {"share_removed_twice", &run_room}}) {
    base::planted = name;
    std::uint64_t seed = 1;
    while (seed <= runs && run(seed).empty()) ++seed;
    base::planted = "";
    EXPECT_LE(seed, runs) << name << " is not caught";
    std::cout << name << ": seed " << seed << "\n";
  }
}

}  // namespace
}  // namespace mr::app::test
