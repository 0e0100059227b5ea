#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sim_node.h"

namespace mr::app::test {
namespace {

using Change = std::function<void(model::DeltaSettings&)>;
using model::CacheSync;
using model::DeltaAlgorithm;
using model::DeltaPattern;

// Where a setting can stand.
enum class Level { kNodePattern, kAppPattern };
constexpr Level kLevels[] = {Level::kNodePattern, Level::kAppPattern};

void add(model::DeltaSettings& settings, Level level, DeltaPattern pattern) {
  if (level == Level::kNodePattern) {
    settings.channel_delta_compression.push_back(std::move(pattern));
    return;
  }
  // The app's decides between equal patterns: the node's says something else.
  DeltaPattern other;
  other.pattern = pattern.pattern;
  other.enabled = false;
  settings.channel_delta_compression.push_back(std::move(other));
  settings.apps["app"].push_back(std::move(pattern));
}

DeltaPattern pattern_of(std::function<void(DeltaPattern&)> set) {
  DeltaPattern pattern;
  pattern.pattern = "c*";
  set(pattern);
  return pattern;
}

// A node with these settings and one client that reads its frames as they come.
class Wire {
 public:
  explicit Wire(const Change& change, std::uint32_t app_mb = 0)
      : network_(sim_), peers_(sim_, network_, {"10.0.0.2", 1}) {
    config::Settings settings = settings_of_test();
    settings.apps.front().max_delta_memory_in_mb = app_mb;
    change(settings.delta);
    node_ = std::make_unique<SimNode>(sim_, network_, settings, 1);
    EXPECT_TRUE(node_->node.start());
    const net::Address address{"10.0.0.1", node_->node.port()};
    client::PusherCallbacks callbacks;
    callbacks.on_event = [this](const client::PusherEvent& event) { events.push_back(event); };
    client_ = std::make_unique<client::PusherClient>(
        peers_.loop(0), client::PusherOptions{address, {}, "key", "secret"}, std::move(callbacks));
    client_->connect();
    rest_ = std::make_unique<client::RestClient>(
        peers_.loop(0), client::RestOptions{address, {}, "app", "key", "secret"});
    run(200ms);
  }

  void run(base::Duration duration) { sim_.run_for(duration); }
  void say(const std::string& frame) {
    client_->send(frame);
    run(100ms);
  }
  void enable(const std::string& data = "{}") {
    say(R"({"event":"pusher:enable_delta_compression","data":)" + data + "}");
  }
  void subscribe(const std::string& channel = "c", const std::string& more = {}) {
    say(R"({"event":"pusher:subscribe","data":{"channel":")" + channel + '"' + more + "}}");
  }
  void publish(const std::string& data, const std::string& channel = "c") {
    rest_->publish({channel, "e", data, R"({"t":"1"})"},
                   [](const client::RestReply& reply) { EXPECT_EQ(reply.status, 200); });
    run(100ms);
  }
  void publish_many(int count, const std::string& channel = "c") {
    for (int i = 0; i < count; ++i) publish(long_text(i), channel);
  }
  static std::string long_text(int number) {
    return std::to_string(number) + std::string(200, 'x');
  }
  static std::string of_key(const std::string& key, int number) {
    return R"({"k":")" + key + R"(","n":")" + long_text(number) + "\"}";
  }

  // How the messages of the channel came: p lain, f ull, d elta.
  std::string kinds(const std::string& channel = "c") const {
    std::string out;
    for (const client::PusherEvent& event : events) {
      if (event.channel != channel) continue;
      if (event.event == "pusher:delta") out += 'd';
      if (event.event == "e") out += event.raw.find("__delta_seq") == std::string::npos ? 'p' : 'f';
    }
    return out;
  }
  const client::PusherEvent& last(const std::string& name) const {
    static const client::PusherEvent kNone;
    for (auto event = events.rbegin(); event != events.rend(); ++event) {
      if (event->event == name) return *event;
    }
    ADD_FAILURE() << "no " << name;
    return kNone;
  }
  std::uint64_t metric(const std::string& name) {
    double value = 0;
    node_->node.collect([&](const std::vector<observability::GaugeSample>& samples) {
      for (const auto& sample : samples) value += sample.name == name ? sample.value : 0;
    });
    run(1500ms);
    return static_cast<std::uint64_t>(value);
  }
  Node& node() { return node_->node; }

  std::vector<client::PusherEvent> events;

 private:
  net::sim::Sim sim_{1};
  net::sim::SimNetwork network_;
  net::sim::SimRuntime peers_;
  std::unique_ptr<SimNode> node_;
  std::unique_ptr<client::PusherClient> client_;
  std::unique_ptr<client::RestClient> rest_;
};

// What a subscriber that asked for its whole connection gets of `count` messages.
std::string kinds_with(const Change& change, int count) {
  Wire wire(change);
  wire.enable();
  wire.subscribe();
  wire.publish_many(count);
  return wire.kinds();
}

TEST(DeltaSettingsSimTest, EnabledOfTheNodeAndOfPatterns) {
  EXPECT_EQ(kinds_with([](auto&) {}, 2), "fd");
  EXPECT_EQ(kinds_with([](auto& s) { s.delta.enabled = false; }, 2), "pp");
  EXPECT_EQ(
      kinds_with(
          [](auto& s) {
            s.channel_delta_compression.push_back(pattern_of([](auto& p) { p.enabled = false; }));
          },
          2),
      "pp");
  EXPECT_EQ(kinds_with(
                [](auto& s) {
                  add(s, Level::kAppPattern, pattern_of([](auto& p) { p.enabled = true; }));
                },
                2),
            "fd");
  Wire off([](auto& s) { s.delta.enabled = false; });
  off.enable();
  EXPECT_EQ(off.last("pusher:delta_compression_enabled").data, R"({"enabled":false})");
}

TEST(DeltaSettingsSimTest, AlgorithmOfTheNodeOfPatternsAndOfTheSubscriber) {
  const auto named = [](Wire& wire) {
    wire.publish_many(2);
    const std::string& raw = wire.last("pusher:delta").raw;
    return raw.find(R"("algorithm":"xdelta3")") != std::string::npos ? "xdelta3" : "fossil";
  };
  const Change node = [](auto& s) { s.delta.algorithm = DeltaAlgorithm::kVcdiff; };
  Wire by_node(node);
  by_node.enable();
  by_node.subscribe();
  EXPECT_STREQ(named(by_node), "xdelta3");
  for (const Level level : kLevels) {
    Wire by_pattern([level](auto& s) {
      add(s, level, pattern_of([](auto& p) {
            p.algorithm = DeltaAlgorithm::kVcdiff;
            p.enabled = true;
          }));
    });
    by_pattern.enable();
    by_pattern.subscribe();
    EXPECT_STREQ(named(by_pattern), "xdelta3");
  }
  Wire by_wish(node);
  by_wish.enable();
  by_wish.subscribe("c", R"(,"delta":"fossil")");
  EXPECT_STREQ(named(by_wish), "fossil");
  Wire by_offer(node);
  by_offer.enable(R"({"algorithms":["fossil"]})");
  by_offer.subscribe();
  EXPECT_STREQ(named(by_offer), "fossil");
}

TEST(DeltaSettingsSimTest, FullMessageInterval) {
  EXPECT_EQ(kinds_with([](auto& s) { s.delta.full_message_interval = 3; }, 7), "fddfddf");
  for (const Level level : kLevels) {
    const Change change = [level](auto& s) {
      add(s, level, pattern_of([](auto& p) {
            p.full_message_interval = 2;
            p.enabled = true;
          }));
    };
    EXPECT_EQ(kinds_with(change, 5), "fdfdf");
  }
}

TEST(DeltaSettingsSimTest, MinMessageSize) {
  EXPECT_EQ(kinds_with([](auto& s) { s.delta.min_message_size = 202; }, 2), "pp");
  EXPECT_EQ(kinds_with([](auto& s) { s.delta.min_message_size = 201; }, 2), "fd");
  for (const Level level : kLevels) {
    const Change change = [level](auto& s) {
      s.delta.min_message_size = 1000;
      add(s, level, pattern_of([](auto& p) {
            p.min_message_size = 10;
            p.enabled = true;
          }));
    };
    EXPECT_EQ(kinds_with(change, 2), "fd");
  }
}

TEST(DeltaSettingsSimTest, MaxStateAge) {
  Wire wire([](auto& s) { s.delta.max_state_age_secs = 2; });
  wire.enable();
  wire.subscribe();
  wire.publish_many(2);
  wire.run(1s);
  wire.publish_many(1);
  wire.run(3s);
  wire.publish_many(2);
  EXPECT_EQ(wire.kinds(), "fddfd");
}

TEST(DeltaSettingsSimTest, MaxChannelStatesPerSocket) {
  Wire wire([](auto& s) { s.delta.max_channel_states_per_socket = 1; });
  wire.enable();
  for (const char* channel : {"c", "d"}) wire.subscribe(channel);
  for (const char* channel : {"c", "d"}) wire.publish_many(2, channel);
  EXPECT_EQ(wire.kinds("c"), "fd");
  EXPECT_EQ(wire.kinds("d"), "pp");
  for (int i = 0; i < 3; ++i) wire.enable();
  EXPECT_EQ(wire.metric("millrace_delta_subscriptions_over_limit_total"), 1U) << "once for each";
  wire.say(R"({"event":"pusher:unsubscribe","data":{"channel":"c"}})");
  wire.subscribe("f");
  wire.publish_many(2, "f");
  EXPECT_EQ(wire.kinds("f"), "fd") << "the place is free again";
}

TEST(DeltaSettingsSimTest, MaxResyncsPerSecond) {
  Wire wire([](auto& s) { s.delta.max_resyncs_per_second = 1; });
  wire.enable();
  for (const char* channel : {"c", "d"}) wire.subscribe(channel);
  wire.run(2s);
  wire.events.clear();
  for (const char* channel : {"c", "d"}) {
    wire.say(R"({"event":"pusher:delta_sync_error","data":{"channel":")" + std::string(channel) +
             "\"}}");
  }
  EXPECT_EQ(wire.events.size(), 1U);
  wire.run(2s);
  EXPECT_EQ(wire.events.size(), 2U);
  EXPECT_EQ(wire.last("pusher:delta_cache_sync").channel, "d");
}

// Two starts that waited for the rate were answered by one, and the second was waited for for ever.
TEST(DeltaSettingsSimTest, StartsThatWaitForTheRateTogetherAllEnd) {
  Wire wire([](auto& s) { s.delta.max_resyncs_per_second = 1; });
  wire.enable();
  wire.subscribe();
  wire.run(2s);
  for (int i = 0; i < 3; ++i) {
    wire.say(R"({"event":"pusher:delta_sync_error","data":{"channel":"c"}})");
  }
  wire.enable(R"({"algorithms":["xdelta3"]})");
  wire.run(4s);
  wire.publish_many(2);
  EXPECT_EQ(wire.kinds(), "fd");
}

TEST(DeltaSettingsSimTest, OmitDeltaAlgorithm) {
  for (const bool omits : {false, true}) {
    Wire wire([omits](auto& s) { s.delta.omit_delta_algorithm = omits; });
    wire.enable();
    wire.subscribe();
    wire.publish_many(2);
    EXPECT_EQ(wire.last("pusher:delta").raw.find("algorithm") == std::string::npos, omits);
    // A confirmation that named another one: the client's default is no longer certain.
    wire.enable(R"({"algorithms":["xdelta3"]})");
    wire.publish_many(2);
    EXPECT_NE(wire.last("pusher:delta").raw.find(R"("algorithm":"xdelta3")"), std::string::npos);
  }
}

TEST(DeltaSettingsSimTest, ConflationKey) {
  const auto kinds = [](const Change& change) {
    Wire wire(change);
    wire.enable();
    wire.subscribe();
    for (const char* key : {"A", "B", "A", "B"}) wire.publish(Wire::of_key(key, 1));
    return wire.kinds();
  };
  EXPECT_EQ(kinds([](auto&) {}), "fddd");
  EXPECT_EQ(kinds([](auto& s) { s.delta.conflation_key_path = "k"; }), "ffdd");
  for (const Level level : kLevels) {
    EXPECT_EQ(kinds([level](auto& s) {
                add(s, level, pattern_of([](auto& p) {
                      p.conflation_key = "data.k";
                      p.enabled = true;
                    }));
              }),
              "ffdd");
  }
}

TEST(DeltaSettingsSimTest, MaxConflationKeys) {
  const auto kinds = [](const Change& change) {
    Wire wire([&change](auto& s) {
      s.delta.conflation_key_path = "k";
      change(s);
    });
    wire.enable();
    wire.subscribe();
    for (const char* key : {"A", "B", "A", "A"}) wire.publish(Wire::of_key(key, 1));
    return std::pair(wire.kinds(), wire.metric("millrace_delta_chains_ended_total"));
  };
  EXPECT_EQ(kinds([](auto&) {}), std::pair(std::string("ffdd"), std::uint64_t{0}));
  EXPECT_EQ(kinds([](auto& s) { s.delta.max_conflation_states_per_channel = 1; }),
            std::pair(std::string("fffd"), std::uint64_t{2}));
  for (const Level level : kLevels) {
    EXPECT_EQ(kinds([level](auto& s) {
                add(s, level, pattern_of([](auto& p) {
                      p.max_conflation_keys = 1;
                      p.enabled = true;
                    }));
              }),
              std::pair(std::string("fffd"), std::uint64_t{2}));
  }
}

TEST(DeltaSettingsSimTest, MaxMessagesPerKeyIsWhatDecodersAreTold) {
  for (const Level level : kLevels) {
    Wire wire([level](auto& s) {
      add(s, level, pattern_of([](auto& p) {
            p.max_messages_per_key = 7;
            p.conflation_key = "k";
            p.enabled = true;
          }));
    });
    wire.enable();
    wire.subscribe();
    EXPECT_EQ(wire.last("pusher:delta_cache_sync").data,
              R"({"conflation_key":"k","max_messages_per_key":7,"states":{}})");
  }
}

TEST(DeltaSettingsSimTest, CacheSyncOfPatternsConnectionAndSubscriber) {
  const auto has_bases = [](const Change& change, const std::string& asked,
                            const std::string& wish) {
    Wire wire([&change](auto& s) {
      s.delta.conflation_key_path = "k";
      change(s);
    });
    wire.enable(asked);
    wire.subscribe("c");
    wire.publish(Wire::of_key("A", 1));
    wire.subscribe("c", wish);
    return wire.last("pusher:delta_cache_sync").data.find("\"A\":[") != std::string::npos;
  };
  const Change nothing = [](auto&) {};
  EXPECT_FALSE(has_bases(nothing, "{}", ""));
  EXPECT_TRUE(has_bases(nothing, R"({"cache_sync":"bases"})", ""));
  EXPECT_TRUE(has_bases(nothing, "{}", R"(,"delta":{"cache_sync":"bases"})"));
  for (const Level level : kLevels) {
    const Change change = [level](auto& s) {
      add(s, level, pattern_of([](auto& p) {
            p.cache_sync = CacheSync::kBases;
            p.enabled = true;
            p.conflation_key = "k";
          }));
    };
    EXPECT_TRUE(has_bases(change, "{}", ""));
    EXPECT_FALSE(has_bases(change, R"({"cache_sync":"empty"})", ""));
  }
}

TEST(DeltaSettingsSimTest, MaxMemoryOfTheNodeAndOfAnApp) {
  const auto evicted = [](const Change& change, std::uint32_t app_mb) {
    Wire wire(
        [&](auto& s) {
          s.delta.conflation_key_path = "k";
          change(s);
        },
        app_mb);
    wire.enable();
    wire.subscribe();
    const std::string big(60'000, 'y');
    for (int i = 0; i < 40; ++i) {
      wire.publish(R"({"k":")" + std::to_string(i) + R"(","big":")" + big + "\"}");
    }
    return wire.metric("millrace_delta_chains_ended_total");
  };
  EXPECT_EQ(evicted([](auto&) {}, 0), 0U);
  EXPECT_GT(evicted([](auto& s) { s.delta.max_memory_mb = 1; }, 0), 20U);
  EXPECT_GT(evicted([](auto&) {}, 1), 20U);
}

TEST(DeltaSettingsSimTest, TagFilteringCanBeSwitchedOff) {
  const std::string filter = R"(,"filter":{"key":"t","cmp":"eq","val":"2"})";
  Wire on([](auto&) {});
  on.subscribe("c", filter);
  on.publish("unheard");
  EXPECT_EQ(on.kinds(), "");
  Wire off([](auto& s) { s.tags.enabled = false; });
  off.subscribe("c", filter);
  EXPECT_NE(off.last("pusher:subscription_error").data.find("tag_filtering.enabled"),
            std::string::npos);
}

// A whole connection's switch and one subscription's wish, against the pattern.
TEST(DeltaSettingsSimTest, WhatIsAskedForOneChannelGoesFirst) {
  const Change disabled = [](auto& s) {
    s.channel_delta_compression.push_back(pattern_of([](auto& p) { p.enabled = false; }));
  };
  Wire wire(disabled);
  wire.subscribe("c", R"(,"delta":true)");
  wire.publish_many(2);
  EXPECT_EQ(wire.kinds(), "fd");
  Wire other([](auto&) {});
  other.enable();
  other.subscribe("c", R"(,"delta":false)");
  other.subscribe("private-encrypted-c");
  other.publish_many(2);
  EXPECT_EQ(other.kinds(), "pp");
}

}  // namespace
}  // namespace mr::app::test
