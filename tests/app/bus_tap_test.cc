#include "app/bus_tap.h"

#include <gtest/gtest.h>

#include "json/parser.h"
#include "net/sim/sim_network.h"
#include "net/sim/sim_runtime.h"

namespace mr::app {
namespace {

using namespace std::chrono_literals;

class EmptyBus final : public cluster::Bus {
 public:
  void start() override {}
  void stop() override {}
  void subscribe(cluster::Subject, cluster::Generation) override {}
  void unsubscribe(cluster::Subject) override {}
  bool publish(cluster::Subject, std::string_view) override { return is_taking; }
  void flush() override {}
  std::size_t queued_bytes() const override { return 7; }
  bool is_taking = true;
};

class CountedEvents final : public cluster::BusEvents {
 public:
  void on_open() override {}
  void on_lost(std::string_view) override {}
  void on_subscribed(cluster::Subject, cluster::Generation) override {}
  void on_envelope(cluster::Subject, std::string_view) override { ++heard; }
  void on_interrupted(cluster::Subject) override { ++interrupted; }
  int heard = 0;
  int interrupted = 0;
};

class BusTapTest : public testing::Test {
 protected:
  BusTapTest() {
    auto bus = std::make_unique<EmptyBus>();
    bus_ = bus.get();
    tap_.carry(std::move(bus));
  }
  std::string event(std::string channel, std::string data = "\"hidden\"") {
    cluster::EventMessage message;
    message.sequence = 1;
    message.app_id = "app";
    message.channel = std::move(channel);
    message.event = "e";
    message.data = std::move(data);
    return codec_.encode({cluster::BootId{1}, 1, message});
  }
  net::sim::Sim sim_{1};
  net::sim::SimNetwork network_{sim_};
  net::sim::SimRuntime runtime_{sim_, network_, {"n", 1}};
  CountedEvents events_;
  cluster::EnvelopeCodec codec_{""};
  BusTap tap_{runtime_.loop(0), events_, ""};
  EmptyBus* bus_ = nullptr;
};

constexpr cluster::Subject kSubject = cluster::partition_subject(3);

TEST_F(BusTapTest, NothingIsKeptUntilSomebodyLooksNorLongAfter) {
  tap_.on_envelope(kSubject, event("a"));
  EXPECT_TRUE(tap_.look({}).lines.empty());
  tap_.on_envelope(kSubject, event("b"));
  EXPECT_EQ(tap_.look({}).lines.size(), 1U);
  sim_.run_for(BusTap::kWatch + 1s);
  tap_.on_envelope(kSubject, event("c"));
  EXPECT_TRUE(tap_.look({}).lines.empty());
  EXPECT_EQ(events_.heard, 3) << "all were handed on";
}

TEST_F(BusTapTest, AnInterruptedSubscriptionIsHandedOn) {
  tap_.on_interrupted(kSubject);
  EXPECT_EQ(events_.interrupted, 1);
}

TEST_F(BusTapTest, TooManyOrTooLargeIsLeftOutAndCounted) {
  tap_.look({});
  for (std::size_t i = 0; i < BusTap::kLinesMax + 5; ++i) tap_.on_envelope(kSubject, event("a"));
  BusTap::Seen seen = tap_.look({"", "", {}, true});
  EXPECT_EQ(seen.lines.size(), BusTap::kLinesMax);
  EXPECT_EQ(seen.skipped, 5U);
  const std::string large(1 << 20, 'x');
  std::size_t bytes = 0;
  for (int i = 0; i < 600; ++i) tap_.on_envelope(kSubject, event("a", large));
  seen = tap_.look({});
  for (const std::string& line : seen.lines) bytes += line.size();
  EXPECT_LT(bytes, BusTap::kBytesMax + 2 * BusTap::kPayloadBytesMax);
  EXPECT_GT(seen.skipped, 0U);
}

TEST_F(BusTapTest, TheFilterTakesAppChannelAndKind) {
  const auto lines_of = [this](const TailFilter& filter) {
    tap_.look(filter);
    for (const char* channel : {"tick-1", "tick-2", "other"}) {
      tap_.on_envelope(kSubject, event(channel));
    }
    tap_.on_envelope(kSubject, codec_.encode({cluster::BootId{1}, 1, cluster::ProbeMessage{}}));
    tap_.on_envelope(kSubject, "nonsense");
    return tap_.look({}).lines.size();
  };
  EXPECT_EQ(lines_of({}), 5U);
  EXPECT_EQ(lines_of({"app", "", {}, false}), 3U);
  EXPECT_EQ(lines_of({"another", "", {}, false}), 0U);
  EXPECT_EQ(lines_of({"", "tick-*", {}, false}), 2U);
  EXPECT_EQ(lines_of({"", "tick-2", {}, false}), 1U);
  EXPECT_EQ(lines_of({"", "", {"probe"}, false}), 1U);
}

TEST_F(BusTapTest, DataIsShownOnlyWhenAskedForAndLinesAreJsonWhateverIsInThem) {
  const std::string strange = "\xff\xfe\"\n";
  for (const bool with_payloads : {false, true}) {
    tap_.look({"", "", {}, with_payloads});
    tap_.publish(kSubject, event(strange, "\"secret-payload\""));
    bus_->is_taking = false;
    tap_.publish(kSubject, event("b"));
    bus_->is_taking = true;
    tap_.on_envelope(kSubject, "\xc1nonsense");
    const auto lines = tap_.look({}).lines;
    ASSERT_EQ(lines.size(), 3U);
    for (const std::string& line : lines) EXPECT_TRUE(json::Parser(1 << 20).parse(line)) << line;
    EXPECT_EQ(lines[0].find("secret-payload") != std::string::npos, with_payloads);
    EXPECT_NE(lines[0].find("\"direction\":\"out\",\"subject\":\"3\""), std::string::npos);
    EXPECT_NE(lines[1].find("\"direction\":\"refused\""), std::string::npos);
    EXPECT_NE(lines[2].find("\"refused\":"), std::string::npos);
  }
  EXPECT_EQ(tap_.queued_bytes(), 7U);
}

}  // namespace
}  // namespace mr::app
