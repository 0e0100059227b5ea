#include <gtest/gtest.h>

#include <array>
#include <map>
#include <string>
#include <vector>

#include "base/random.h"
#include "channel/home.h"
#include "crypto/encoding.h"
#include "delta/checksum.h"
#include "delta/encoder.h"
#include "delta_model/replay_wire.h"
#include "hub/hub.h"
#include "json/parser.h"
#include "json/writer.h"
#include "pusher/encode.h"

// Chains, hub and the real encoder: what subscribers decode is what was published, byte for byte.

namespace mr::delta_model {
namespace {

using delta::Algorithm;
using delta::FormClass;

class OneLoop final : public channel::LoopPort, public base::Clock {
 public:
  std::size_t self() const override { return 0; }
  std::size_t loop_count() const override { return 1; }
  void post(std::size_t, base::Task task, std::size_t) override { task(); }
  std::size_t mailbox_bytes(std::size_t) const override { return 0; }
  void after(base::Duration, base::Task) override {}
  const base::Clock& clock() const override { return *this; }
  base::TimePoint now() const override { return {}; }
  base::WallTime wall_now() const override { return {}; }
};

class KeyedPolicy final : public channel::ChainPolicy {
 public:
  channel::ChainOptionsRef find(const model::App&, const model::ChannelName&) override {
    auto options = std::make_shared<channel::ChainOptions>();
    options->conflation_key = "symbol";
    return options;
  }
};

class OpenWire final : public hub::Wire {
 public:
  hub::WriteResult write(std::uint32_t socket, std::span<const iovec> parts) override {
    std::size_t bytes = 0;
    for (const iovec& part : parts) {
      got[socket].append(static_cast<const char*>(part.iov_base), part.iov_len);
      bytes += part.iov_len;
    }
    return {hub::WriteStatus::kOk, bytes};
  }
  std::size_t unsent_bytes(std::uint32_t) const override { return 0; }
  std::map<std::uint32_t, std::string> got;
};

class NoEvents final : public hub::OutletEvents {
 public:
  void on_outlet_slow(hub::OutletId) override {}
  void on_outlet_broken(hub::OutletId) override {}
};

class HubOfLoop final : public channel::Subscribers {
 public:
  explicit HubOfLoop(hub::Hub& hub) : hub_(hub) {}
  void deliver(const model::MessageRef& message) override { hub_.append(message); }
  std::uint32_t terminate_user(const std::string&, const std::string&, base::TimePoint) override {
    return 0;
  }

 private:
  hub::Hub& hub_;
};

// A client: one base per key.
class Decoder {
 public:
  // The text of the event; counts what kind of frame it came in.
  std::string decode(const std::string& text) {
    const auto envelope = parser_.parse(text);
    if (!envelope) return "no JSON: " + text;
    const json::Value& whole = envelope.value();
    if (whole.member("event")->as_string() != "pusher:delta") return from_full(text, whole);
    const json::Value data = *whole.member("data");
    const std::string key(*data.member("conflation_key")->as_string());
    const auto bytes = crypto::base64_decode(*data.member("delta")->as_string());
    const auto& [number, base] = bases_[key];
    if (data.member("base_index")->as_uint() != number) return "another base: " + text;
    const auto algorithm = data.member("algorithm");
    const bool is_fossil = !algorithm || algorithm->as_string() == "fossil";
    const auto rebuilt =
        delta::decode(is_fossil ? Algorithm::kFossil : Algorithm::kVcdiff, base, *bytes, 100'000);
    if (!rebuilt) return "does not decode: " + text;
    const auto crc = data.member("crc");
    if (crc && crc->as_uint() != delta::crc32(rebuilt.value())) return "wrong sum: " + text;
    crcs += crc.has_value();
    ++deltas;
    bases_[key] = {*data.member("seq")->as_uint(), rebuilt.value()};
    return rebuilt.value();
  }

  int deltas = 0;
  int fulls = 0;
  int crcs = 0;

 private:
  std::string from_full(const std::string& text, const json::Value& whole) {
    const auto number = whole.member("__delta_seq");
    if (!number) return text;
    ++fulls;
    const std::string plain = text.substr(0, text.find(",\"__delta_seq\":")) + "}";
    bases_[std::string(*whole.member("__conflation_key")->as_string())] = {*number->as_uint(),
                                                                           plain};
    return plain;
  }

  json::Parser parser_{100'000};
  std::map<std::string, std::pair<std::uint64_t, std::string>> bases_;
};

struct Subscriber {
  model::SocketId socket;
  std::uint8_t form_class = FormClass::kNone;
  Decoder decoder = {};
};

class RoundTripTest : public ::testing::Test {
 protected:
  RoundTripTest() : hub(wire, events, {}, 1), here(hub), home(loop, order, options(), 1) {
    home.set_subscribers({&here});
    model::AppOptions described;
    described.id = "app";
    described.enable_subscription_count = false;
    app = base::make_ref<const model::App>(described);
  }

  channel::Options options() {
    channel::Options made;
    made.text_frame = text_frame;
    made.text_head = frame_head;
    made.chain_policy = &policy;
    return made;
  }

  void subscribe(const Subscriber& subscriber) {
    const auto number = static_cast<std::uint32_t>(subscriber.socket.high);
    const hub::OutletId outlet = hub.subscriptions().open(number, subscriber.socket);
    const auto id = hub.subscriptions().begin(outlet, model::channel_key("app", "c"), 1);
    hub.tracks().want(id, subscriber.form_class);
    channel::Join join{app, name, 0, subscriber.socket, std::nullopt};
    join.form_class = subscriber.form_class;
    const channel::JoinAnswer answer = home.join(join);
    hub.subscriptions().activate(id);
    std::optional<std::uint64_t> joined;
    if (answer.start) joined = answer.start->joined;
    EXPECT_EQ(hub.tracks().begin(id, answer.filter, joined), answer.start.has_value());
  }

  std::string publish(const std::string& symbol, std::uint64_t price) {
    const std::string data = json::quote(
        R"({"symbol":")" + symbol + R"(","bid":)" + std::to_string(price) +
        R"(,"bidSize":"672.00000000","ask":"0.35260000","askSize":"3199.00000000","ts":1633998513377})");
    channel::Publish event{app, name, "price", data, {}, {}, false};
    event.conflation_key = symbol;
    home.publish(std::move(event), [](const channel::Released&) {});
    return pusher::channel_event("price", "c", data);
  }

  std::vector<std::string> heard(const Subscriber& subscriber) {
    const auto number = static_cast<std::uint32_t>(subscriber.socket.high);
    return split_frames(wire.got[number]);
  }

  OneLoop loop;
  channel::LocalOrder order;
  KeyedPolicy policy;
  OpenWire wire;
  NoEvents events;
  hub::Hub hub;
  HubOfLoop here;
  channel::Home home;
  model::AppRef app;
  const model::ChannelName name = model::ChannelName::parse("c", 200).value();
};

TEST_F(RoundTripTest, EveryMessageComesAsItWasPublished) {
  const std::uint64_t seed = 3;
  base::SeededRandom random(seed);
  std::array<Subscriber, 5> subscribers{{
      {{1, 1}, FormClass{Algorithm::kFossil}.index()},
      {{2, 1}, FormClass{Algorithm::kFossil, true}.index()},
      {{3, 1}, FormClass{Algorithm::kVcdiff}.index()},
      {{4, 1}, FormClass{Algorithm::kVcdiff, false, false, true}.index()},
      {{5, 1}, FormClass::kNone},
  }};
  for (const Subscriber& subscriber : subscribers) subscribe(subscriber);
  std::vector<std::string> published;
  std::uint64_t price = 100'000;
  for (int i = 0; i < 400; ++i) {
    price += random.below(100);
    published.push_back(publish("S" + std::to_string(random.below(5)), price));
    if (random.below(3) > 0) continue;
    while (hub.flush(loop)) {
    }
  }
  while (hub.flush(loop)) {
  }
  for (Subscriber& subscriber : subscribers) {
    const std::vector<std::string> texts = heard(subscriber);
    ASSERT_EQ(texts.size(), published.size());
    for (std::size_t i = 0; i < texts.size(); ++i) {
      ASSERT_EQ(subscriber.decoder.decode(texts[i]), published[i]) << "seed " << seed;
    }
  }
  const Decoder& fossil = subscribers[0].decoder;
  EXPECT_EQ(fossil.fulls + fossil.deltas, 400);
  EXPECT_GE(fossil.deltas, 350) << "nine in ten of each of five chains";
  EXPECT_EQ(subscribers[3].decoder.crcs, fossil.deltas);
  EXPECT_EQ(subscribers[2].decoder.crcs, 0);
  EXPECT_EQ(subscribers[4].decoder.fulls + subscribers[4].decoder.deltas, 0) << "plain";
  EXPECT_EQ(home.chain_shop().counters.deltas, 2U * static_cast<unsigned>(fossil.deltas))
      << "one encoding for each algorithm";
}

}  // namespace
}  // namespace mr::delta_model
