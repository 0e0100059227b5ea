#include "cluster/store_contract.h"

#include <map>
#include <optional>
#include <random>
#include <set>
#include <vector>

namespace mr::cluster::test {

using namespace std::chrono_literals;

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(StoreContract);

namespace {

RecordKey state(std::string name) { return {Space::kState, std::move(name)}; }

}  // namespace

StoreAnswer StoreContract::await(const std::function<void(Store::OnAnswer)>& ask) {
  auto answer = std::make_shared<std::optional<StoreAnswer>>();
  ask([answer](StoreAnswer got) {
    EXPECT_FALSE(answer->has_value()) << "answered twice";
    *answer = std::move(got);
  });
  EXPECT_FALSE(answer->has_value()) << "answered inside the call";
  EXPECT_TRUE(wait([&] { return answer->has_value(); })) << "never answered";
  return answer->value_or(StoreAnswer{});
}

StoreAnswer StoreContract::read(Store& store, const RecordKey& key) {
  return await([&](Store::OnAnswer done) { store.read(key, std::move(done)); });
}

StoreAnswer StoreContract::write(Store& store, const RecordKey& key, std::string_view value,
                                 Revision expected) {
  return await([&](Store::OnAnswer done) { store.write(key, value, expected, std::move(done)); });
}

StoreAnswer StoreContract::erase(Store& store, const RecordKey& key, Revision expected) {
  return await([&](Store::OnAnswer done) { store.erase(key, expected, std::move(done)); });
}

bool StoreContract::answers(Store& store, base::Duration limit) {
  const base::TimePoint deadline = back_end().loop().clock().now() + limit;
  // Without a problem: one server of several may answer before the others.
  while (read(store, state("is it there?")).kind != Kind::kDone || !store.problem().empty()) {
    const base::TimePoint now = back_end().loop().clock().now();
    if (now >= deadline) return false;
    wait([] { return false; }, 10ms);
  }
  return true;
}

std::unique_ptr<Store> StoreContract::open(const StoreSetup& setup) {
  std::unique_ptr<Store> store = back_end().make_store(setup);
  store->start();
  EXPECT_TRUE(answers(*store, kSoon)) << store->problem();
  EXPECT_EQ(store->problem(), "");
  return store;
}

TEST_P(StoreContract, ARecordIsCreatedReadChangedAndErased) {
  const auto store = open();
  const StoreAnswer none = read(*store, state("a"));
  EXPECT_EQ(none.kind, Kind::kDone);
  EXPECT_TRUE(none.revision.is_absent());
  EXPECT_EQ(none.value, "");
  EXPECT_NE(none.life, StoreLife::kNone);

  const StoreAnswer created = write(*store, state("a"), "one", none.revision);
  ASSERT_EQ(created.kind, Kind::kDone);
  EXPECT_FALSE(created.revision.is_absent());
  EXPECT_EQ(created.life, none.life);
  const StoreAnswer first = read(*store, state("a"));
  EXPECT_EQ(first.value, "one");
  EXPECT_EQ(first.revision, created.revision);

  const StoreAnswer changed = write(*store, state("a"), "two", created.revision);
  ASSERT_EQ(changed.kind, Kind::kDone);
  EXPECT_NE(changed.revision, created.revision);
  EXPECT_EQ(read(*store, state("a")).value, "two");

  const StoreAnswer erased = erase(*store, state("a"), changed.revision);
  ASSERT_EQ(erased.kind, Kind::kDone);
  EXPECT_TRUE(erased.revision.is_absent());
  EXPECT_TRUE(read(*store, state("a")).revision.is_absent());
}

TEST_P(StoreContract, WhoeverExpectsAnotherRevisionChangesNothing) {
  const auto store = open();
  const StoreAnswer one = write(*store, state("a"), "one", {});
  EXPECT_EQ(write(*store, state("a"), "again", {}).kind, Kind::kConflict);
  const StoreAnswer two = write(*store, state("a"), "two", one.revision);
  const StoreAnswer refused = write(*store, state("a"), "old", one.revision);
  EXPECT_EQ(refused.kind, Kind::kConflict);
  EXPECT_EQ(refused.life, one.life);
  EXPECT_EQ(erase(*store, state("a"), one.revision).kind, Kind::kConflict);
  EXPECT_EQ(erase(*store, state("a"), {}).kind, Kind::kConflict);
  EXPECT_EQ(write(*store, state("b"), "none", one.revision).kind, Kind::kConflict);
  EXPECT_EQ(erase(*store, state("b"), one.revision).kind, Kind::kConflict);
  const StoreAnswer now = read(*store, state("a"));
  EXPECT_EQ(now.value, "two");
  EXPECT_EQ(now.revision, two.revision);
  EXPECT_TRUE(read(*store, state("b")).revision.is_absent());
  EXPECT_EQ(store->counters().conflicts, 6U);
}

TEST_P(StoreContract, TheRevisionOfAnErasedRecordNeverMatchesItsSuccessors) {
  const auto store = open();
  std::vector<Revision> all;
  for (int round = 0; round < 5; ++round) {
    const StoreAnswer made = write(*store, state("a"), "same", {});
    ASSERT_EQ(made.kind, Kind::kDone) << "round " << round;
    for (const Revision& old : all) {
      EXPECT_NE(old, made.revision);
      EXPECT_EQ(write(*store, state("a"), "old", old).kind, Kind::kConflict);
    }
    ASSERT_EQ(erase(*store, state("a"), made.revision).kind, Kind::kDone);
    EXPECT_EQ(write(*store, state("a"), "old", made.revision).kind, Kind::kConflict);
    all.push_back(made.revision);
  }
}

TEST_P(StoreContract, RecordsOfASpaceWithAnEndEndAndComeBackAsOthers) {
  StoreSetup setup;
  setup.times.idempotency = 1s;
  const auto store = open(setup);
  const RecordKey ending{Space::kIdempotency, "a"};
  const StoreAnswer made = write(*store, ending, "one", {});
  ASSERT_EQ(made.kind, Kind::kDone);
  ASSERT_EQ(write(*store, state("a"), "stays", {}).kind, Kind::kDone);
  ASSERT_EQ(write(*store, {Space::kCache, "a"}, "stays", {}).kind, Kind::kDone);
  // Its time begins anew with each write.
  wait([] { return false; }, 600ms);
  const StoreAnswer again = write(*store, ending, "two", made.revision);
  ASSERT_EQ(again.kind, Kind::kDone);
  wait([] { return false; }, 600ms);
  EXPECT_EQ(read(*store, ending).value, "two");
  const base::TimePoint deadline = back_end().loop().clock().now() + 5s;
  while (!read(*store, ending).revision.is_absent()) {
    ASSERT_LT(back_end().loop().clock().now(), deadline);
    wait([] { return false; }, 50ms);
  }
  EXPECT_EQ(write(*store, ending, "old", again.revision).kind, Kind::kConflict);
  const StoreAnswer after = write(*store, ending, "three", {});
  ASSERT_EQ(after.kind, Kind::kDone);
  EXPECT_NE(after.revision, made.revision);
  EXPECT_NE(after.revision, again.revision);
  EXPECT_EQ(read(*store, state("a")).value, "stays");
  EXPECT_EQ(read(*store, {Space::kCache, "a"}).value, "stays");
}

// Each adds one to a number in a record until it has done so often enough.
class Counting {
 public:
  Counting(Store& store, int times, std::map<std::uint64_t, int>& winners)
      : store_(store), left_(times), winners_(winners) {}
  void run() {
    store_.read(state("count"), [this](const StoreAnswer& now) {
      if (now.kind != StoreAnswer::Kind::kDone) return run();
      const int next = now.revision.is_absent() ? 1 : std::stoi(now.value) + 1;
      store_.write(state("count"), std::to_string(next), now.revision,
                   [this, from = now.revision.number](const StoreAnswer& written) {
                     EXPECT_NE(written.kind, StoreAnswer::Kind::kNone);
                     if (written.kind == StoreAnswer::Kind::kDone) {
                       ++winners_[from];
                       if (--left_ == 0) return;
                     }
                     run();
                   });
    });
  }
  bool is_done() const { return left_ == 0; }

 private:
  Store& store_;
  int left_;
  std::map<std::uint64_t, int>& winners_;
};

TEST_P(StoreContract, OfTwoWritersExactlyOneWinsEachRevision) {
  constexpr int kTimes = 500;
  const auto one = open(), two = open();
  std::map<std::uint64_t, int> winners;
  Counting first(*one, kTimes, winners), second(*two, kTimes, winners);
  first.run();
  second.run();
  ASSERT_TRUE(wait([&] { return first.is_done() && second.is_done(); }, 60s));
  EXPECT_EQ(read(*one, state("count")).value, std::to_string(2 * kTimes));
  EXPECT_EQ(winners.size(), 2U * kTimes);
  for (const auto& [from, count] : winners) EXPECT_EQ(count, 1) << from;
}

TEST_P(StoreContract, RequestsOfOneRecordAreDoneInTheirOrder) {
  const auto store = open();
  std::vector<std::string> got;
  for (int i = 1; i <= 50; ++i) {
    const std::string name = "r" + std::to_string(i);
    store->read(state(name), [&](const StoreAnswer& answer) {
      got.push_back(answer.revision.is_absent() ? "absent" : "there");
    });
    store->write(state(name), name, {}, [&](const StoreAnswer& answer) {
      got.push_back(answer.kind == Kind::kDone ? "written" : "not written");
    });
    store->read(state(name), [&](const StoreAnswer& answer) { got.push_back(answer.value); });
    std::vector<std::string> expected{"absent", "written", name};
    ASSERT_TRUE(wait([&] { return got.size() == 3; }));
    EXPECT_EQ(got, expected);
    got.clear();
  }
}

TEST_P(StoreContract, ManyRecordsGoTogether) {
  constexpr int kRecords = 1000;
  const auto store = open();
  int done = 0;
  std::map<int, std::string> got;
  for (int i = 0; i < kRecords; ++i) {
    store->write(state("record " + std::to_string(i)), std::to_string(i), {},
                 [&done](const StoreAnswer& answer) {
                   EXPECT_EQ(answer.kind, Kind::kDone);
                   ++done;
                 });
    if (i % 100 != 99) continue;
    ASSERT_TRUE(wait([&] { return done == i + 1; }));
  }
  for (int i = 0; i < kRecords; ++i) {
    store->read(state("record " + std::to_string(i)), [&got, i](const StoreAnswer& answer) {
      EXPECT_EQ(answer.kind, Kind::kDone);
      got[i] = answer.value;
    });
    if (i % 100 != 99) continue;
    ASSERT_TRUE(wait([&] { return got.size() == static_cast<std::size_t>(i) + 1; }));
  }
  for (const auto& [i, value] : got) EXPECT_EQ(value, std::to_string(i));
}

TEST_P(StoreContract, NamesAndValuesHoldAnyBytes) {
  const auto store = open();
  std::string every_byte;
  for (int i = 0; i < 256; ++i) every_byte += static_cast<char>(i);
  const std::vector<std::string> names{every_byte, std::string(1, '\0'),
                                       ".",        "..",
                                       "a.b",      "a b",
                                       "*",        ">",
                                       "a:b",      "a%3Ab",
                                       "{a}b",     "{b}b",
                                       "a=",       "a-",
                                       "a-3A",     "a\r\n",
                                       "ä",        std::string(300, '/')};
  for (const Space space : {Space::kState, Space::kCache}) {
    for (const std::string& name : names) {
      const std::string value = name + std::to_string(static_cast<int>(space)) + every_byte;
      const StoreAnswer made = write(*store, {space, name}, value, {});
      ASSERT_EQ(made.kind, Kind::kDone) << testing::PrintToString(name);
    }
  }
  for (const Space space : {Space::kState, Space::kCache}) {
    for (const std::string& name : names) {
      const StoreAnswer got = read(*store, {space, name});
      EXPECT_EQ(got.value, name + std::to_string(static_cast<int>(space)) + every_byte)
          << testing::PrintToString(name);
    }
  }
  EXPECT_EQ(write(*store, state("large"), std::string(500'000, 'x'), {}).kind, Kind::kDone);
  // A busy machine may need longer than an answer may take.
  StoreAnswer large = read(*store, state("large"));
  for (int tries = 0; tries < 10 && large.kind != Kind::kDone; ++tries) {
    large = read(*store, state("large"));
  }
  EXPECT_EQ(large.value, std::string(500'000, 'x'));
  EXPECT_EQ(write(*store, state("empty"), "", {}).kind, Kind::kDone);
  const StoreAnswer empty = read(*store, state("empty"));
  EXPECT_FALSE(empty.revision.is_absent());
  EXPECT_EQ(empty.value, "");
}

TEST_P(StoreContract, ClustersWithOtherPrefixesNeverMeet) {
  const auto ours = open({.prefix = "one"}), theirs = open({.prefix = "two"});
  ASSERT_EQ(write(*ours, state("a"), "ours", {}).kind, Kind::kDone);
  EXPECT_TRUE(read(*theirs, state("a")).revision.is_absent());
  ASSERT_EQ(write(*theirs, state("a"), "theirs", {}).kind, Kind::kDone);
  EXPECT_EQ(read(*ours, state("a")).value, "ours");
}

TEST_P(StoreContract, ABrokerThatHangsIsNoAnswerInTime) {
  const auto store = open();
  ASSERT_EQ(write(*store, state("a"), "one", {}).kind, Kind::kDone);
  back_end().pause_broker();
  for (int i = 0; i < 3; ++i) {
    const base::TimePoint asked = back_end().loop().clock().now();
    EXPECT_EQ(read(*store, state("a")).kind, Kind::kNone);
    const base::Duration took = back_end().loop().clock().now() - asked;
    EXPECT_LE(took, Store::kDeadline + 250ms);
  }
  EXPECT_EQ(store->counters().late, 3U);
  back_end().resume_broker();
  ASSERT_TRUE(answers(*store, back_end().serves_within())) << store->problem();
  EXPECT_EQ(read(*store, state("a")).value, "one");
}

TEST_P(StoreContract, AHungBrokerIsToldAndFoundAgain) {
  const auto store = open();
  back_end().pause_broker();
  ASSERT_TRUE(wait([&] { return !store->problem().empty(); }, 4s));
  EXPECT_NE(store->problem().find(back_end().address()), std::string::npos) << store->problem();
  const base::TimePoint asked = back_end().loop().clock().now();
  EXPECT_EQ(read(*store, state("a")).kind, Kind::kNone);
  EXPECT_LE(back_end().loop().clock().now() - asked, Store::kDeadline + 250ms);
  back_end().resume_broker();
  EXPECT_TRUE(answers(*store, back_end().serves_within())) << store->problem();
  EXPECT_EQ(store->problem(), "");
}

TEST_P(StoreContract, ARestartWithoutItsRecordsIsAnotherLifeAndServesWithinTwoSeconds) {
  const auto store = open();
  const StoreAnswer made = write(*store, state("a"), "one", {});
  const StoreAnswer kept = write(*store, state("a"), "two", made.revision);
  back_end().stop_broker();
  EXPECT_TRUE(wait([&] { return !store->problem().empty(); }, 3s));
  EXPECT_EQ(read(*store, state("a")).kind, Kind::kNone);
  back_end().start_broker();
  ASSERT_TRUE(answers(*store, back_end().serves_within())) << store->problem();
  EXPECT_EQ(store->problem(), "");
  const StoreAnswer now = read(*store, state("a"));
  EXPECT_TRUE(now.revision.is_absent());
  EXPECT_NE(now.life, made.life);
  // Numbers that begin again would match.
  const StoreAnswer first = write(*store, state("a"), "new", {});
  const StoreAnswer second = write(*store, state("a"), "newer", first.revision);
  for (const StoreAnswer& old : {made, kept}) {
    EXPECT_EQ(write(*store, state("a"), "old", old.revision).kind, Kind::kConflict);
  }
  EXPECT_EQ(read(*store, state("a")).value, "newer");
  EXPECT_EQ(second.life, now.life);
}

// Other records may lie on another server, which has a life of its own.
TEST_P(StoreContract, AllNodesSeeTheSameLifeOfARecord) {
  const auto one = open(), two = open();
  for (const char* name : {"a", "b", "c"}) {
    const StoreAnswer first = read(*one, state(name));
    EXPECT_EQ(first.life, read(*two, state(name)).life) << name;
    EXPECT_EQ(first.life, write(*two, state(name), "x", {}).life) << name;
  }
}

TEST_P(StoreContract, ABrokerThatComesLaterIsFound) {
  back_end().stop_broker();
  const std::unique_ptr<Store> store = back_end().make_store({});
  store->start();
  EXPECT_EQ(read(*store, state("a")).kind, Kind::kNone);
  ASSERT_TRUE(
      wait([&] { return store->problem().find(back_end().address()) != std::string::npos; }, 4s))
      << store->problem();
  back_end().start_broker();
  EXPECT_TRUE(answers(*store, back_end().serves_within())) << store->problem();
}

TEST_P(StoreContract, NobodyIsAnsweredAfterItsStop) {
  const auto store = open(), witness = open();
  int answered = 0;
  store->write(state("a"), "before", {}, [&](const StoreAnswer&) { ++answered; });
  store->read(state("a"), [&](const StoreAnswer&) { ++answered; });
  store->stop();
  wait([] { return false; }, 1s);
  EXPECT_EQ(answered, 0);
  EXPECT_EQ(read(*witness, state("b")).kind, Kind::kDone);
  // Nor is it the end of the object.
  store->start();
  EXPECT_TRUE(answers(*store, back_end().serves_within()));
}

TEST_P(StoreContract, CallsInsideAnswersWork) {
  const auto store = open();
  int steps = 0;
  std::function<void(const StoreAnswer&)> next = [&](const StoreAnswer& answer) {
    EXPECT_EQ(answer.kind, Kind::kDone);
    if (++steps == 20) return store->stop();
    store->write(state("a"), std::to_string(steps), answer.revision,
                 [&](const StoreAnswer& written) { next(written); });
  };
  store->read(state("a"), [&](const StoreAnswer& answer) { next(answer); });
  ASSERT_TRUE(wait([&] { return steps == 20; }));
}

}  // namespace mr::cluster::test
