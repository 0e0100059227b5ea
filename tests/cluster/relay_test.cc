#include "cluster/relay.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "net/sim/sim_network.h"
#include "net/sim/sim_runtime.h"

namespace mr::cluster {
namespace {

using namespace std::chrono_literals;

constexpr BootId kSelf{7};
constexpr BootId kAsker{8};
constexpr std::uint32_t kPartition = 1;
constexpr Subject kSubject = partition_subject(kPartition);

// Keeps what it is given until the test gives it back.
class HeldBus final : public Bus {
 public:
  void start() override {}
  void stop() override {}
  void subscribe(Subject, Generation generation) override { subscribed = generation; }
  void unsubscribe(Subject) override {}
  bool publish(Subject subject, std::string_view envelope) override {
    if (subject == kSubject) sent.emplace_back(envelope);
    return true;
  }
  void flush() override {}
  std::size_t queued_bytes() const override { return 0; }

  Generation subscribed = Generation::kNone;
  std::vector<std::string> sent;  // on the partition
};

// A Relay that hears its partition, and the order of what happened.
class RelayTest : public ::testing::Test, private RelayEvents {
 protected:
  RelayTest() {
    relay_.start(bus_);
    events().on_open();
    relay_.set_linked(true, true);
    relay_.enter(kPartition, [this] { relay_.set_occupied(kPartition, true); });
    events().on_subscribed(kSubject, bus_.subscribed);
    bring_back();
  }
  ~RelayTest() override { relay_.stop(); }

  static Options options() {
    Options made;
    made.name = "n";
    made.partitions = 4;
    return made;
  }
  BusEvents& events() { return relay_; }
  // The marker that a subscription waits for is asked of the Relay itself too.
  void bring_back() {
    relay_.on_control(kSelf, MarkRequest{kPartition, bus_.subscribed, {kSelf}});
    for (const std::string& envelope : std::exchange(bus_.sent, {})) {
      events().on_envelope(kSubject, envelope);
    }
    happened_.clear();
  }
  void publish(const std::string& text) {
    EventMessage message;
    message.app_id = "app";
    message.channel = "ordered";
    message.event = "e";
    message.data = text;
    relay_.publish(kPartition, std::move(message), [this, text](const auto& returned) {
      happened_.push_back(text + (returned ? " came back" : " is given up"));
    });
  }
  void ask_marker() { relay_.on_control(kAsker, MarkRequest{kPartition, Generation{3}, {kSelf}}); }
  // The tail that the asker was told; nothing: it was told nothing yet.
  std::optional<std::uint64_t> told() {
    for (const std::string& bytes : bus_.sent) {
      const auto envelope = codec_.decode(bytes);
      if (!envelope) continue;
      const auto* const mark = std::get_if<MarkMessage>(&envelope.value().message);
      if (mark != nullptr && mark->to == kAsker) return mark->tail;
    }
    return std::nullopt;
  }

  net::sim::Sim sim_{1};
  net::sim::SimNetwork network_{sim_};
  net::sim::SimRuntime runtime_{sim_, network_, {"n", 1}};
  HeldBus bus_;
  EnvelopeCodec codec_{""};
  Relay relay_{runtime_.loop(0), options(), kSelf, *this};
  std::vector<std::string> happened_;

 private:
  void on_message(BootId, EventMessage message) override {
    happened_.push_back(message.data + " is heard");
  }
  void on_gap(const GapReport&) override {}
  void before_mark(std::uint32_t, base::Task mark) override {
    happened_.push_back("a marker is due");
    mark();
  }
};

// An ordered message is kept when it comes back. Whoever subscribes between its way out and its way
// back hears nothing of it, and reads what is kept when it has the marker.
TEST_F(RelayTest, AMarkerWaitsForWhatHasNotComeBack) {
  publish("one");
  publish("two");
  ASSERT_EQ(bus_.sent.size(), 2U);
  const std::vector<std::string> held = bus_.sent;
  ask_marker();
  events().on_envelope(kSubject, held[0]);
  EXPECT_EQ(told(), std::nullopt);
  events().on_envelope(kSubject, held[1]);
  EXPECT_EQ(told(), 2U);
  EXPECT_EQ(happened_,
            (std::vector<std::string>{"one came back", "two came back", "a marker is due"}));
}

TEST_F(RelayTest, AMarkerWaitsNoLongerThanItsSenderDoes) {
  publish("lost");
  ask_marker();
  sim_.run_for(1s);
  EXPECT_EQ(told(), std::nullopt);
  sim_.run_for(2s);
  EXPECT_EQ(told(), 1U);
  EXPECT_EQ(happened_, (std::vector<std::string>{"lost is given up", "a marker is due"}));
}

TEST_F(RelayTest, WithNothingUnderWayAMarkerIsToldAtOnce) {
  ask_marker();
  EXPECT_EQ(told(), 0U);
}

}  // namespace
}  // namespace mr::cluster
