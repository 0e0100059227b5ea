#include "channel/chains.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "delta/encoder.h"
#include "pusher/encode.h"

namespace mr::channel {
namespace {

using namespace std::chrono_literals;
using delta::Algorithm;
using delta::FormClass;

constexpr std::uint8_t kFossil = FormClass{Algorithm::kFossil}.index();
constexpr std::uint8_t kFossilUnnamed = FormClass{Algorithm::kFossil, true}.index();
constexpr std::uint8_t kVcdiffCrc = FormClass{Algorithm::kVcdiff, false, false, true}.index();

std::string no_head(std::size_t) { return {}; }

struct Said {
  std::string key;
  std::optional<bool> wish;
  std::string symbol;  // a tag
  base::TimePoint now{};
};

class ChainsTest : public ::testing::Test {
 protected:
  ChainsTest() {
    shop.text_head = no_head;
    shop.encode = [this](Algorithm algorithm, std::string_view base, std::string_view target,
                         std::size_t bytes_max, std::string& out) {
      encoded.push_back(algorithm);
      return encoder.encode(algorithm, base, target, bytes_max, out);
    };
  }

  void open() {
    chains = std::make_unique<Chains>(shop, std::make_shared<const ChainOptions>(options), 1);
  }

  model::MessageRef say(const std::string& words, const Said& said = {}) {
    Draft draft;
    const std::string data = "\"" + words + std::string(300, 'p') + "\"";
    draft.channel_key = "app/c";
    draft.channel = "c";
    draft.event = "price";
    draft.data = data;
    draft.text = pusher::channel_event("price", "c", data);
    draft.frame = draft.text;
    draft.number = ++number;
    draft.conflation_key = said.key;
    draft.wish = said.wish;
    const model::Tags tags =
        said.symbol.empty() ? model::Tags{} : model::Tags{{"symbol", said.symbol}};
    draft.tags = &tags;
    draft.now = said.now;
    return chains->release(std::move(draft));
  }

  filter::FilterRef only(const std::string& symbol) {
    return filter::Filter::parse(parser, R"({"key":"symbol","cmp":"eq","val":")" + symbol + "\"}")
        .value();
  }

  ChainShop shop;
  ChainOptions options;
  delta::Encoder encoder;
  json::Parser parser{4096};
  std::vector<Algorithm> encoded;
  std::uint64_t number = 0;
  std::unique_ptr<Chains> chains;
};

std::string full_text(const model::Message& message) {
  std::string text;
  for (const std::string_view part : message.parts(model::kFullForm)) text += part;
  return text;
}

TEST_F(ChainsTest, NothingIsChainedWhileNobodyWantsDeltas) {
  open();
  EXPECT_FALSE(say("a")->entry->is_chained());
  EXPECT_EQ(chains->chain_count(), 0U);
  EXPECT_TRUE(chains->is_unused());
  chains->count(kFossil, 1);
  EXPECT_TRUE(say("b")->entry->is_chained());
  EXPECT_EQ(chains->chain_count(), 1U);
  chains->count(kFossil, -1);
  EXPECT_EQ(chains->chain_count(), 0U) << "nobody is left who could use it";
  EXPECT_EQ(shop.bytes, 0U);
}

TEST_F(ChainsTest, OneEncodingServesAllClassesOfItsAlgorithm) {
  open();
  chains->count(kFossil, 1);
  chains->count(kFossil, 1);
  chains->count(kFossilUnnamed, 1);
  say("a");
  const model::MessageRef message = say("b");
  EXPECT_EQ(encoded.size(), 1U);
  ASSERT_EQ(message->entry->deltas.size(), 2U);
  EXPECT_NE(message->entry->deltas[0].frame.find("\"algorithm\":\"fossil\""), std::string::npos);
  EXPECT_EQ(message->entry->deltas[1].frame.find("algorithm"), std::string::npos);
  EXPECT_EQ(message->entry->find_delta(1, kFossilUnnamed), 1U);
  EXPECT_EQ(message->entry->find_delta(2, kFossil), 2U) << "not from another base";
}

TEST_F(ChainsTest, FormsAreTheProtocols) {
  options.conflation_key = "symbol";
  open();
  chains->count(kVcdiffCrc, 1);
  const std::string text =
      pusher::channel_event("price", "c", "\"a" + std::string(300, 'p') + "\"");
  const std::string brief = text.substr(0, text.size() - 1);
  EXPECT_EQ(full_text(*say("a", {"q\"", {}, {}})),
            brief + R"(,"__delta_seq":1,"__conflation_key":"q%22"})");
  const model::MessageRef message = say("b", {"q\"", {}, {}});
  const std::string& frame = message->entry->deltas.at(0).frame;
  EXPECT_TRUE(frame.starts_with(
      R"({"event":"pusher:delta","channel":"c","data":{"event":"price","delta":")"))
      << frame;
  EXPECT_NE(frame.find(
                R"(","seq":2,"algorithm":"xdelta3","conflation_key":"q%22","base_index":1,"crc":)"),
            std::string::npos)
      << frame;
}

TEST_F(ChainsTest, ADeltaThatIsNotShorterIsNotMadeAndTheChainIsSuspended) {
  options.suspended_messages = 3;
  open();
  chains->count(kFossil, 1);
  shop.encode = [](Algorithm, std::string_view, std::string_view, std::size_t bytes_max,
                   std::string& out) {
    out.assign(bytes_max + 1, 'd');
    return false;
  };
  EXPECT_TRUE(say("a")->entry->is_chained());
  for (int i = 0; i < 2; ++i) {
    const model::MessageRef message = say("b");
    EXPECT_TRUE(message->entry->is_chained());
    EXPECT_TRUE(message->entry->deltas.empty());
  }
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(say("c")->entry->is_chained());
  EXPECT_EQ(say("d")->entry->base, 0U) << "tried again, from a full one";
  EXPECT_EQ(shop.counters.suspended, 1U);
}

TEST_F(ChainsTest, TheLimitOfADeltaIsTheFullFrame) {
  open();
  chains->count(kFossil, 1);
  std::size_t room = 0;
  shop.encode = [&room](Algorithm, std::string_view, std::string_view, std::size_t bytes_max,
                        std::string& out) {
    room = bytes_max;
    out.assign(bytes_max, 'd');
    return true;
  };
  say("a");
  const model::MessageRef message = say("b");
  const std::string& frame = message->entry->deltas.at(0).frame;
  const std::size_t full = full_text(*message).size();
  EXPECT_LT(frame.size(), full);
  EXPECT_GE(frame.size() + 4, full) << "four characters more would be too many";
}

TEST_F(ChainsTest, MemoryIsCountedAndBounded) {
  options.conflation_key = "symbol";
  shop.bytes_max = 20'000;
  open();
  chains->count(kFossil, 1);
  std::size_t highest = 0;
  for (int i = 0; i < 200; ++i) {
    say("a" + std::to_string(i), {"k" + std::to_string(i % 50), {}, {}});
    EXPECT_LE(shop.bytes, shop.bytes_max);
    highest = std::max(highest, shop.bytes);
  }
  EXPECT_GT(highest, 10'000U);
  EXPECT_GT(shop.counters.evicted_memory, 0U);
  EXPECT_EQ(shop.counters.evicted_keys, 0U);
  chains.reset();
  EXPECT_EQ(shop.bytes, 0U);
}

TEST_F(ChainsTest, AChainKeepsItsNewestMessageOnly) {
  open();
  chains->count(kFossil, 1);
  std::vector<std::size_t> bytes;
  for (int i = 0; i < 3; ++i) {
    say("a", {"", false, ""});
    bytes.push_back(shop.bytes);
  }
  EXPECT_EQ(bytes[0], bytes[2]);
}

// The bound took a busy channel's bases and left those of channels that nobody wrote to.
TEST_F(ChainsTest, AQuietChannelsChainsMakeRoomForABusyOnes) {
  options.conflation_key = "symbol";
  open();
  chains->count(kFossil, 1);
  for (int i = 0; i < 20; ++i) say("a", {"k" + std::to_string(i), {}, {}});
  const auto quiet = std::move(chains);
  shop.bytes_max = shop.bytes;
  open();
  chains->count(kFossil, 1);
  say("a", {"busy", {}, {}});
  for (int i = 0; i < 5; ++i) {
    EXPECT_NE(say("a", {"busy", {}, {}})->entry->base, 0U) << "its base stays";
  }
  EXPECT_LT(quiet->chain_count(), 20U);
  EXPECT_GT(shop.counters.evicted_memory, 0U);
  EXPECT_LE(shop.bytes, shop.bytes_max);
}

TEST_F(ChainsTest, AnAppsBoundTakesItsOwnChainsOnly) {
  options.conflation_key = "symbol";
  open();
  chains->count(kFossil, 1);
  for (int i = 0; i < 5; ++i) say("a", {"k" + std::to_string(i), {}, {}});
  const auto other = std::move(chains);
  const std::size_t five = shop.bytes;
  options.app_label = 1;
  options.app_bytes_max = five / 2;
  open();
  chains->count(kFossil, 1);
  for (int i = 0; i < 10; ++i) say("a", {"k" + std::to_string(i), {}, {}});
  EXPECT_EQ(other->chain_count(), 5U);
  EXPECT_LE(shop.account(1).app_bytes, five / 2);
  EXPECT_GE(chains->chain_count(), 1U);
}

TEST_F(ChainsTest, TheLeastRecentlyUsedKeyGoesFirst) {
  options.conflation_key = "symbol";
  options.keys_max = 2;
  open();
  chains->count(kFossil, 1);
  for (const char* key : {"a", "b", "a", "c"}) say("x", {key, {}, {}});
  EXPECT_EQ(shop.counters.evicted_keys, 1U);
  EXPECT_NE(say("y", {"a", {}, {}})->entry->base, 0U);
  EXPECT_EQ(say("y", {"b", {}, {}})->entry->base, 0U);
}

TEST_F(ChainsTest, IdleChainsGo) {
  options.conflation_key = "symbol";
  options.age_max = 10s;
  open();
  chains->count(kFossil, 1);
  const base::TimePoint start{};
  say("x", {"a", {}, {}, start});
  say("x", {"b", {}, {}, start + 6s});
  chains->expire(start + 10s);
  EXPECT_EQ(chains->chain_count(), 2U);
  chains->expire(start + 11s);
  EXPECT_EQ(chains->chain_count(), 1U);
  chains->expire(start + 17s);
  EXPECT_EQ(chains->chain_count(), 0U);
  EXPECT_EQ(shop.counters.evicted_idle, 2U);
}

TEST_F(ChainsTest, UnkeyedFiltersStartFromWhatPassedThem) {
  options.full_message_interval = 100;
  open();
  chains->count(kFossil, 1);
  const std::uint32_t a = chains->choose({1, 1}, only("a"));
  const std::uint32_t b = chains->choose({2, 2}, only("b"));
  say("1", {"", {}, "a"});
  say("2", {"", {}, "b"});
  encoded.clear();
  const model::MessageRef message = say("3", {"", {}, "a"});
  const model::ChainEntry& entry = *message->entry;
  EXPECT_TRUE(entry.passes.test(a));
  EXPECT_FALSE(entry.passes.test(b));
  EXPECT_FALSE(entry.base_passes.test(a));
  EXPECT_EQ(entry.last_passed(a), 1U);
  EXPECT_EQ(encoded.size(), 2U) << "one for each base";
  EXPECT_LT(entry.find_delta(1, kFossil), entry.deltas.size());
  EXPECT_LT(entry.find_delta(2, kFossil), entry.deltas.size());
}

TEST_F(ChainsTest, BasesAreSentWholeOrNotAtAll) {
  options.conflation_key = "symbol";
  options.sync_bytes_max = 1000;
  open();
  chains->count(kFossil, 1);
  say("1", {"a", {}, {}});
  const StartRequest request{"c", kFossil, true, 2};
  const DeltaStart whole = chains->start({1, 1}, request);
  EXPECT_EQ(whole.joined, 1U);
  EXPECT_NE(whole.sync.find(R"("states":{"a":[{"content":)"), std::string::npos) << whole.sync;
  for (const char* key : {"b", "c", "d"}) say("1", {key, {}, {}});
  const DeltaStart none = chains->start({1, 1}, {"c", kFossil, true, 5});
  EXPECT_EQ(none.joined, 5U);
  EXPECT_NE(none.sync.find(R"("states":{})"), std::string::npos);
}

}  // namespace
}  // namespace mr::channel
