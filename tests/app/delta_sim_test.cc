#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "sim_node.h"

namespace mr::app::test {
namespace {

// `MILLRACE_SIM_SEED` and `MILLRACE_SIM_RUNS` choose; each failure names its seed.
std::uint64_t number_of(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

const std::vector<std::string> kChannels = {"keyed-a", "keyed-b", "plain-a"};
const std::vector<std::string> kSymbols = {"A", "B", "C"};

// Verdicts of a coordinator elsewhere: late, out of order, or, when it never answers, what its
// deadline makes of that.
class Verdicts final : public channel::OrderSource {
 public:
  explicit Verdicts(std::uint64_t seed) : random_(seed) {}
  void set_runtime(net::sim::SimRuntime& runtime) { runtime_ = &runtime; }

  void order(const channel::OrderRequest&, base::Function<void(channel::Order)> answer) override {
    const bool never = random_.below(10) == 0;
    const auto delay = never ? base::Duration(50ms)
                             : base::Duration(std::chrono::microseconds(random_.below(60'000)));
    static constexpr channel::Order kAnswers[] = {channel::Order::kRelease, channel::Order::kFull,
                                                  channel::Order::kDelta, channel::Order::kDelta};
    const channel::Order verdict =
        never ? channel::Order::kRelease : kAnswers[random_.below(std::size(kAnswers))];
    for (std::size_t i = 0; i < runtime_->loop_count(); ++i) {
      net::Loop& loop = runtime_->loop(i);
      if (!loop.is_current()) continue;
      loop.after(delay, [answer = std::move(answer), verdict]() mutable { answer(verdict); });
      return;
    }
    ADD_FAILURE() << "asked outside of every loop";
  }

 private:
  base::SeededRandom random_;
  net::sim::SimRuntime* runtime_ = nullptr;
};

std::string symbol_of(const std::string& data) { return data.substr(data.find("\":\"") + 3, 1); }

// What one client hears of one channel between subscribe and unsubscribe.
struct Span {
  std::vector<std::set<std::string>> filters;  // symbols; empty: all
  std::vector<std::string> heard;

  bool may_hear(const std::string& data) const {
    return std::any_of(filters.begin(), filters.end(), [&](const auto& wanted) {
      return wanted.empty() || wanted.contains(symbol_of(data));
    });
  }
  bool must_hear(const std::string& data) const {
    return std::all_of(filters.begin(), filters.end(), [&](const auto& wanted) {
      return wanted.empty() || wanted.contains(symbol_of(data));
    });
  }
};

class Listener {
 public:
  Listener(net::Loop& loop, const net::Address& address, const std::string& algorithm)
      : client_(loop, options_of(address, algorithm), callbacks()) {
    client_.connect();
  }

  void subscribe(const std::string& channel, std::set<std::string> wanted) {
    std::string filter;
    for (const std::string& symbol : wanted)
      filter += (filter.empty() ? "\"" : ",\"") + symbol + '"';
    if (!filter.empty()) filter = R"({"key":"symbol","cmp":"in","vals":[)" + filter + "]}";
    if (!open_.contains(channel)) {
      open_.insert(channel);
      spans[channel].emplace_back();
    }
    spans[channel].back().filters.push_back(std::move(wanted));
    client_.subscribe(channel, {}, filter);
  }
  void unsubscribe(const std::string& channel) {
    if (open_.erase(channel) == 0) return;
    client_.unsubscribe(channel);
  }
  bool is_open(const std::string& channel) const { return open_.contains(channel); }
  client::PusherClient& client() { return client_; }

  bool connected = false;
  std::string lost;
  std::map<std::string, std::vector<Span>> spans;  // by channel

 private:
  static client::PusherOptions options_of(const net::Address& address,
                                          const std::string& algorithm) {
    client::PusherOptions options;
    options.address = address;
    options.key = "key";
    options.delta = algorithm != "none";
    options.delta_algorithm = algorithm == "none" ? "" : algorithm;
    return options;
  }
  client::PusherCallbacks callbacks() {
    client::PusherCallbacks callbacks;
    callbacks.on_connected = [this](std::string_view) { connected = true; };
    callbacks.on_lost = [this](std::string_view channel, std::string_view why) {
      lost = std::string(channel) + ": " + std::string(why);
    };
    callbacks.on_event = [this](const client::PusherEvent& event) { on_event(event); };
    return callbacks;
  }
  void on_event(const client::PusherEvent& event) {
    // What comes after an unsubscribe was on its way.
    if (event.event.starts_with("pusher") || !open_.contains(event.channel)) return;
    spans[event.channel].back().heard.push_back(event.data);
  }

  std::set<std::string> open_;
  client::PusherClient client_;
};

config::Settings settings_of_deltas() {
  config::Settings settings = settings_of_test();
  settings.delta.delta.full_message_interval = 6;
  settings.delta.delta.min_message_size = 40;
  model::DeltaPattern keyed;
  keyed.pattern = "keyed*";
  keyed.conflation_key = "symbol";
  keyed.max_conflation_keys = 2;
  settings.delta.channel_delta_compression.push_back(keyed);
  return settings;
}

struct World {
  explicit World(std::uint64_t seed)
      : sim(seed),
        network(sim),
        clients_runtime(sim, network, {"10.0.0.2", 2}),
        verdicts(seed),
        server(sim, network, settings_of_deltas(), 1 + seed % 4,
               {.order = seed % 3 == 0 ? nullptr : &verdicts}),
        random(seed ^ 0xde17a) {
    verdicts.set_runtime(server.runtime);
    EXPECT_TRUE(server.node.start());
    address = {"10.0.0.1", server.node.port()};
    for (const char* algorithm : {"none", "fossil", "xdelta3", "fossil", "xdelta3", "fossil"}) {
      listeners.push_back(std::make_unique<Listener>(clients_runtime.loop(listeners.size() % 2),
                                                     address, algorithm));
    }
    rest = std::make_unique<client::RestClient>(
        clients_runtime.loop(0), client::RestOptions{address, {}, "app", "key", "secret"});
    EXPECT_TRUE(sim.run_until(
        [&] {
          return std::all_of(listeners.begin(), listeners.end(),
                             [](const auto& one) { return one->connected; });
        },
        10s));
  }

  template <class T>
  const T& pick(const std::vector<T>& list) {
    return list[random.below(list.size())];
  }
  std::set<std::string> some_symbols() {
    std::set<std::string> wanted;
    if (random.below(2) == 0) wanted = {pick(kSymbols), pick(kSymbols)};
    return wanted;
  }
  void publish(const std::string& channel) {
    const std::string symbol = pick(kSymbols);
    const std::string data = R"({"symbol":")" + symbol + R"(","n":)" + std::to_string(++published) +
                             R"(,"fill":")" + std::string(300, '=') + "\"}";
    const std::string tags = R"({"symbol":")" + symbol + "\"}";
    rest->publish({channel, "tick", data, tags}, [this](const client::RestReply& reply) {
      EXPECT_EQ(reply.status, 200) << reply.body;
      ++answered;
    });
  }
  void step() {
    Listener& one = *listeners[1 + random.below(listeners.size() - 1)];
    const std::string& channel = pick(kChannels);
    switch (random.below(8)) {
      case 0:
        one.unsubscribe(channel);
        // What is on its way is not taken for that of the next subscription.
        sim.run_for(200ms);
        return;
      case 1:
      case 2:
        return one.subscribe(channel, some_symbols());
      case 3:
        return one.client().send(R"({"event":"pusher:delta_sync_error","data":{"channel":")" +
                                 channel + "\"}}");
      case 4:
        return one.client().send(
            random.below(3) == 0
                ? R"({"event":"pusher:enable_delta_compression","data":{"enabled":false}})"
                : R"({"event":"pusher:enable_delta_compression","data":{"crc":true}})");
      default:
        return publish(channel);
    }
  }

  net::sim::Sim sim;
  net::sim::SimNetwork network;
  net::sim::SimRuntime clients_runtime;
  Verdicts verdicts;
  SimNode server;
  base::SeededRandom random;
  net::Address address;
  std::vector<std::unique_ptr<Listener>> listeners;
  std::unique_ptr<client::RestClient> rest;
  int published = 0;
  int answered = 0;
};

// In order, nothing twice, nothing that no filter let through, and nothing left out in between;
// up to the end where it lasts.
void check(const Span& span, const std::vector<std::string>& all, bool lasts) {
  std::size_t at = 0;
  bool has_begun = false;
  for (const std::string& data : span.heard) {
    EXPECT_TRUE(span.may_hear(data)) << data;
    std::size_t next = at;
    while (next < all.size() && all[next] != data) {
      EXPECT_FALSE(has_begun && span.must_hear(all[next])) << all[next] << " is missing";
      ++next;
    }
    ASSERT_LT(next, all.size()) << data << " came twice, or out of order";
    at = next + 1;
    has_begun = true;
  }
  for (; lasts && at < all.size(); ++at) {
    EXPECT_FALSE(has_begun && span.must_hear(all[at])) << all[at] << " is missing at the end";
  }
}

// Deltas that were taken.
std::uint64_t run(std::uint64_t seed) {
  World world(seed);
  for (const std::string& channel : kChannels) world.listeners[0]->subscribe(channel, {});
  world.sim.run_for(300ms);
  for (int i = 0; i < 150; ++i) {
    world.step();
    if (world.random.below(4) == 0) {
      world.sim.run_for(std::chrono::microseconds(world.random.below(40'000)));
    }
  }
  EXPECT_TRUE(world.sim.run_until([&] { return world.answered == world.published; }, 60s));
  world.sim.run_for(3s);
  for (const std::string& channel : kChannels) {
    for (int i = 0; i < 12; ++i) world.publish(channel);
  }
  EXPECT_TRUE(world.sim.run_until([&] { return world.answered == world.published; }, 60s));
  world.sim.run_for(1s);
  std::uint64_t deltas = 0;
  for (const std::string& channel : kChannels) {
    const std::vector<std::string>& all = world.listeners[0]->spans[channel].front().heard;
    EXPECT_GE(all.size(), 12U);
    for (std::size_t i = 1; i < world.listeners.size(); ++i) {
      SCOPED_TRACE("client " + std::to_string(i) + " on " + channel);
      Listener& one = *world.listeners[i];
      EXPECT_EQ(one.lost, "");
      std::vector<Span>& spans = one.spans[channel];
      for (std::size_t k = 0; k < spans.size(); ++k) {
        check(spans[k], all, one.is_open(channel) && k + 1 == spans.size());
      }
    }
  }
  for (const auto& one : world.listeners) {
    deltas += one->client().delta_counts().deltas;
    EXPECT_EQ(one->client().delta_counts().lost, 0U);
  }
  return deltas;
}

TEST(DeltaSimTest, EverybodyHearsWhatIsTheirsWhateverTheyAskAndTheCoordinatorSays) {
  const std::uint64_t first = number_of("MILLRACE_SIM_SEED", 1);
  const std::uint64_t count = std::max<std::uint64_t>(1, number_of("MILLRACE_SIM_RUNS", 200) / 2);
  std::uint64_t deltas = 0;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    deltas += run(seed);
    if (::testing::Test::HasFailure()) return;
  }
  EXPECT_GT(deltas, 20 * count);
}

}  // namespace
}  // namespace mr::app::test
