#include "cluster/nats/nats_store.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <unordered_set>

#include "cluster/epoll_driver.h"
#include "cluster/nats/kv_names.h"
#include "cluster/store_contract.h"
#include "support/nats_server.h"

namespace mr::cluster::test {
namespace {

using namespace std::chrono_literals;
using mr::test::NatsServer;
using nats::KvLink;
using nats::NatsOptions;
using nats::NatsStore;

// Made before and destroyed after what uses it.
class Nats final : public StoreBackEnd {
 public:
  explicit Nats(NatsServer::Options options = {}) : server(std::move(options)) { server.start(); }

  net::Loop& loop() override { return driver_.loop(); }
  bool run_until(const std::function<bool()>& done, base::Duration limit) override {
    return driver_.run_until(done, limit);
  }
  // Of a node of its own.
  std::unique_ptr<Store> make_store(const StoreSetup& setup) override {
    NatsOptions options = with;
    options.servers = {server.address()};
    options.prefix = setup.prefix;
    links_.push_back(
        std::make_unique<KvLink>(driver_.loop(), options, setup.times,
                                 [this](const std::string& why) { missing.push_back(why); }));
    return std::make_unique<NatsStore>(driver_.loop(), *links_.back());
  }
  void start_broker() override { server.start(); }
  void stop_broker() override { server.stop(); }
  void pause_broker() override { server.pause(); }
  void resume_broker() override { server.resume(); }
  std::string address() const override { return server.address(); }

  StoreAnswer write(Store& store, const RecordKey& key, Revision expected = {}) {
    std::optional<StoreAnswer> answer;
    store.write(key, "value", expected, [&](StoreAnswer got) { answer = std::move(got); });
    EXPECT_TRUE(run_until([&] { return answer.has_value(); }, 5s));
    return *answer;
  }
  StoreAnswer erase(Store& store, const RecordKey& key, Revision expected) {
    std::optional<StoreAnswer> answer;
    store.erase(key, expected, [&](StoreAnswer got) { answer = std::move(got); });
    EXPECT_TRUE(run_until([&] { return answer.has_value(); }, 5s));
    return *answer;
  }
  // Started, and its buckets stand.
  std::unique_ptr<Store> open(const StoreSetup& setup = {}) {
    std::unique_ptr<Store> store = make_store(setup);
    store->start();
    EXPECT_TRUE(run_until([&] { return store->problem().empty(); }, 5s)) << store->problem();
    return store;
  }
  std::string facts_of(std::string_view bucket) const {
    return server.ask(
        "SUB told 1\r\nPUB $JS.API.STREAM.INFO.KV_" + std::string(bucket) + " told 0\r\n\r\n",
        "\"state\"");
  }

  NatsServer server;
  NatsOptions with;  // of stores that are made from now on
  std::vector<std::string> missing;

 private:
  EpollDriver driver_;
  std::vector<std::unique_ptr<KvLink>> links_;
};

std::unique_ptr<StoreBackEnd> make_nats() { return std::make_unique<Nats>(); }

INSTANTIATE_TEST_SUITE_P(Nats, StoreContract, testing::Values(&make_nats),
                         [](const auto&) { return std::string("Alone"); });

// What docs/cluster.md says that a user needs, beside the bus.
constexpr const char* kUser = R"(authorization { users: [ { user: mr, password: hunter22,
    permissions: { publish: ["$JS.API.>", "$KV.>"], subscribe: ["_INBOX.>"] } } ] })";

TEST(NatsStoreTest, EachSpaceIsABucketWithItsTimeOfLife) {
  Nats nats;
  const auto store = nats.open();
  const std::pair<const char*, const char*> ages[] = {{"millrace_state", "0"},
                                                      {"millrace_cache", "1800000000000"},
                                                      {"millrace_idempotency", "120000000000"},
                                                      {"millrace_delta_counts", "300000000000"}};
  for (const auto& [bucket, age] : ages) {
    const std::string facts = nats.facts_of(bucket);
    const bool is_state = std::string_view(bucket) == "millrace_state";
    for (const std::string& part :
         {"\"max_age\":" + std::string(age) + ",", std::string("\"max_msgs_per_subject\":1,"),
          is_state ? std::string("\"storage\":\"file\"") : std::string("\"storage\":\"memory\"")}) {
      EXPECT_NE(facts.find(part), std::string::npos) << part << " in " << facts;
    }
  }
}

TEST(NatsStoreTest, ANewTimeOfLifeChangesTheBucketAndKeepsItsRecords) {
  Nats nats;
  const auto before = nats.open();
  const RecordKey key{Space::kCache, "a"};
  const StoreAnswer made = nats.write(*before, key);
  StoreSetup setup;
  setup.times.cache = 90s;
  const auto after = nats.open(setup);
  EXPECT_NE(nats.facts_of("millrace_cache").find("\"max_age\":90000000000,"), std::string::npos);
  EXPECT_EQ(nats.write(*after, key).kind, StoreAnswer::Kind::kConflict) << "it is still there";
  EXPECT_EQ(nats.write(*before, key, made.revision).life, made.life);
}

TEST(NatsStoreTest, WhatIsErasedLeavesNothingBehind) {
  Nats nats;
  const auto store = nats.open();
  for (int i = 0; i < 20; ++i) {
    const RecordKey key{Space::kState, "a" + std::to_string(i)};
    const StoreAnswer made = nats.write(*store, key);
    EXPECT_EQ(nats.erase(*store, key, made.revision).kind, StoreAnswer::Kind::kDone);
  }
  EXPECT_TRUE(nats.run_until(
      [&] {
        return nats.server
                   .ask("SUB told 1\r\nPUB $JS.API.STREAM.INFO.KV_millrace_state told 0\r\n\r\n",
                        "\"messages\":0,")
                   .find("\"messages\":0,") != std::string::npos;
      },
      5s));
}

TEST(NatsStoreTest, KeysGiveTheNamesThatTheyWereMadeOf) {
  for (const std::string& name : {std::string(), std::string("a:b"), std::string("=_\0\xff", 4)}) {
    EXPECT_EQ(nats::record_name(nats::record_key(name)), name);
  }
  EXPECT_EQ(nats::record_name(nats::record_key(std::string(2000, 'x'))), std::nullopt);
  for (const char* key : {"==", "a=", "a=4", "a=4G", "a=41", "a=3a", "a.b"}) {
    EXPECT_EQ(nats::record_name(key), std::nullopt) << key;
  }
}

// A mark that an erased record left is none, and a name that its key does not hold is empty.
TEST(NatsStoreTest, RecordsAreReadOneAfterAnotherInTheOrderOfTheirWrites) {
  Nats nats;
  const auto store = nats.open();
  const std::string long_name(2000, 'x');
  const StoreAnswer gone = nats.write(*store, {Space::kCache, "gone"});
  for (const std::string& name : {std::string("b"), long_name, std::string("a")}) {
    nats.write(*store, {Space::kCache, name});
  }
  nats.erase(*store, {Space::kCache, "gone"}, gone.revision);
  std::vector<std::string> names;
  for (std::uint64_t from = 0;;) {
    std::optional<StoreAnswer> answer;
    ASSERT_TRUE(store->next(Space::kCache, from, [&](StoreAnswer got) { answer = got; }));
    ASSERT_TRUE(nats.run_until([&] { return answer.has_value(); }, 5s));
    ASSERT_EQ(answer->kind, StoreAnswer::Kind::kDone) << store->problem();
    if (answer->revision.is_absent()) break;
    EXPECT_EQ(answer->value, "value");
    EXPECT_TRUE(answer->ends_in && *answer->ends_in > 29min && *answer->ends_in <= 30min);
    names.push_back(answer->name);
    from = answer->revision.number + 1;
  }
  EXPECT_EQ(names, (std::vector<std::string>{"b", "", "a"}));
}

TEST(NatsStoreTest, TheRightsThatAreDocumentedAreEnough) {
  Nats nats({.config = kUser});
  nats.with.username = "mr";
  nats.with.password = "hunter22";
  const auto store = nats.open();
  const StoreAnswer made = nats.write(*store, {Space::kState, "a"});
  EXPECT_EQ(made.kind, StoreAnswer::Kind::kDone) << store->problem();
  EXPECT_EQ(nats.erase(*store, {Space::kState, "a"}, made.revision).kind, StoreAnswer::Kind::kDone);
  // It is asked whether it is still there.
  nats.run_until([] { return false; }, 2500ms);
  EXPECT_EQ(store->problem(), "");
  EXPECT_EQ(store->counters().lost, 0U);
}

TEST(NatsStoreTest, AUserWithoutTheRightsIsToldWhichItLacks) {
  std::string config = kUser;
  config.replace(config.find("\"$JS.API.>\", "), sizeof "\"$JS.API.>\", " - 1, "");
  Nats nats({.config = config});
  nats.with.username = "mr";
  nats.with.password = "hunter22";
  const auto store = nats.make_store({});
  store->start();
  ASSERT_TRUE(nats.run_until([&] { return !nats.missing.empty(); }, 5s)) << store->problem();
  ASSERT_TRUE(nats.run_until([&] { return store->problem() == nats.missing[0]; }, 5s));
  for (const char* part : {"127.0.0.1:", "$JS.API.>", "$KV.>", "_INBOX.>"}) {
    EXPECT_NE(store->problem().find(part), std::string::npos) << store->problem();
  }
  EXPECT_EQ(store->problem().find("hunter22"), std::string::npos);
}

TEST(NatsStoreTest, WithoutJetStreamItSaysOnceWhatIsMissing) {
  Nats nats({.has_jetstream = false});
  const auto store = nats.make_store({});
  store->start();
  ASSERT_TRUE(nats.run_until([&] { return !nats.missing.empty(); }, 5s)) << store->problem();
  nats.run_until([] { return false; }, 1s);
  EXPECT_EQ(nats.missing.size(), 1U);
  EXPECT_EQ(nats.write(*store, {Space::kState, "a"}).kind, StoreAnswer::Kind::kNone);
  for (const char* part : {"127.0.0.1:", "JetStream", "-js", "leases"}) {
    EXPECT_NE(store->problem().find(part), std::string::npos) << store->problem();
  }
}

TEST(NatsStoreTest, ABucketThatIsDeletedIsMadeAnewAndIsAnotherLife) {
  Nats nats;
  const auto store = nats.open();
  const StoreAnswer made = nats.write(*store, {Space::kState, "a"});
  nats.server.ask("SUB told 1\r\nPUB $JS.API.STREAM.DELETE.KV_millrace_state told 0\r\n\r\n",
                  "\"success\"");
  EXPECT_EQ(nats.write(*store, {Space::kState, "a"}, made.revision).kind, StoreAnswer::Kind::kNone);
  ASSERT_TRUE(nats.run_until([&] { return store->problem().empty(); }, 5s)) << store->problem();
  const StoreAnswer again = nats.write(*store, {Space::kState, "a"});
  EXPECT_EQ(again.kind, StoreAnswer::Kind::kDone);
  EXPECT_NE(again.life, made.life);
}

TEST(NatsStoreTest, ThreeThousandWritesOfDifferentRecordsAreUnderWayTogether) {
  constexpr int kWrites = 3000;
  Nats nats;
  const auto store = nats.open();
  int done = 0;
  for (int i = 0; i < kWrites; ++i) {
    store->write({Space::kDeltaCounts, std::to_string(i)}, "1", {},
                 [&done](const StoreAnswer& answer) {
                   done += answer.kind == StoreAnswer::Kind::kDone ? 1 : 0;
                 });
    if (i % 100 == 99) nats.run_until([&] { return done > i - 200; }, 5s);
  }
  EXPECT_TRUE(nats.run_until([&] { return done == kWrites; }, 5s)) << done;
}

TEST(NatsStoreTest, NoTwoNamesHaveOneKey) {
  const std::uint64_t seed = std::random_device{}();
  std::mt19937_64 random(seed);
  std::unordered_set<std::string> names, keys;
  while (names.size() < 100'000) {
    std::string name(random() % 8, '\0');
    for (char& c : name) c = "=-_.>*A3$ \xff/:\0ab"[random() % 16];
    if (!names.insert(name).second) continue;
    const std::string key = nats::record_key(name);
    EXPECT_TRUE(keys.insert(key).second) << key << " of seed " << seed;
    EXPECT_TRUE(std::ranges::all_of(key, [](unsigned char c) {
      return std::isalnum(c) != 0 || c == '_' || c == '=';
    })) << key;
  }
  // Too long for a subject: they differ by their digests.
  const std::string longer = nats::record_key(std::string(5000, 'a'));
  EXPECT_EQ(longer.size(), 66U);
  EXPECT_NE(longer, nats::record_key(std::string(5000, 'b')));
  EXPECT_EQ(nats::bucket_name("other:a.b", "nodes"), "other-3Aa-2Eb_nodes");
}

TEST(NatsStoreTest, AnswersOfTheServerAreReadForWhatTheySay) {
  using AnswerKind = nats::KvAnswer::Kind;
  json::Parser parser(1 << 20);
  const std::pair<const char*, AnswerKind> answers[] = {
      {R"({"stream":"KV_b","seq":5})", AnswerKind::kWritten},
      {R"({"message":{"seq":2,"data":"dmFsdWU="}})", AnswerKind::kRead},
      {R"({"message":{"seq":2,"hdrs":"S1YtT3BlcmF0aW9uOiBERUw="}})", AnswerKind::kMarker},
      {R"({"error":{"err_code":10037}})", AnswerKind::kAbsent},
      {R"({"error":{"err_code":10071}})", AnswerKind::kConflict},
      {R"({"error":{"err_code":10164}})", AnswerKind::kConflict},
      {R"({"error":{"err_code":10059}})", AnswerKind::kGone},
      {"", AnswerKind::kGone},
      {R"({"error":{"err_code":10023,"description":"full"}})", AnswerKind::kRefused},
      {R"({"message":{"seq":2,"data":"?"}})", AnswerKind::kUnread},
      {R"({"message":{"data":"dmFsdWU="}})", AnswerKind::kUnread},
      {R"({"seq":0})", AnswerKind::kUnread},
      {"no JSON", AnswerKind::kUnread}};
  for (const auto& [text, kind] : answers) {
    EXPECT_EQ(nats::read_kv_answer(parser, text).kind, kind) << text;
  }
}

// The clock overflowed: found by the fuzz target.
TEST(NatsStoreTest, ATimeThatNoClockHoldsIsNone) {
  json::Parser parser(1 << 20);
  const auto written = [&parser](const std::string& year) {
    return nats::read_kv_answer(parser, R"({"message":{"seq":2,"data":"dmFsdWU=","time":")" + year +
                                            R"(-01-31T12:34:56.123456789Z"}})")
        .written;
  };
  EXPECT_TRUE(written("1970"));
  EXPECT_TRUE(written("2261"));
  EXPECT_FALSE(written("1969"));
  EXPECT_FALSE(written("2262"));
  EXPECT_FALSE(written("9999"));
}

}  // namespace
}  // namespace mr::cluster::test
