#include "cluster/bus_contract.h"

#include <algorithm>
#include <numeric>

namespace mr::cluster::test {

using namespace std::chrono_literals;

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(BusContract);

namespace {

constexpr Subject kSubject = partition_subject(7);
constexpr Subject kOther = partition_subject(8);

std::vector<std::string> texts_of(const Listener& listener, Subject subject) {
  std::vector<std::string> texts;
  for (const auto& [of, text] : listener.got) {
    if (of == subject) texts.push_back(text);
  }
  return texts;
}

std::vector<std::string> numbers(int first, int end) {
  std::vector<std::string> texts;
  for (int i = first; i < end; ++i) texts.push_back(std::to_string(i));
  return texts;
}

}  // namespace

void BusContract::open(Listener& listener) {
  const int opens = listener.opens;
  listener.start();
  ASSERT_TRUE(wait([&] { return listener.opens > opens; }))
      << (listener.losses.empty() ? "no loss" : listener.losses.back());
}

void BusContract::subscribe(Listener& listener, Subject subject, std::uint32_t generation) {
  listener.subscribe(subject, generation);
  ASSERT_TRUE(wait([&] { return listener.has_confirmed(subject, generation); }));
}

void BusContract::publish(Listener& listener, Subject subject, std::string_view envelope) {
  if (listener.publish(subject, envelope)) return;
  ASSERT_TRUE(wait([&] { return listener.publish(subject, envelope); }));
}

TEST_P(BusContract, TheEnvelopesOfOnePublisherKeepTheirOrder) {
  constexpr int kEnvelopes = 10'000;
  Listener publisher(back_end());
  Listener first(back_end());
  Listener second(back_end());
  for (Listener* each : {&publisher, &first, &second}) open(*each);
  for (Listener* each : {&first, &second}) subscribe(*each, kSubject);
  for (int i = 0; i < kEnvelopes; ++i) publish(publisher, kSubject, std::to_string(i));
  ASSERT_TRUE(
      wait([&] { return first.got.size() >= kEnvelopes && second.got.size() >= kEnvelopes; }));
  EXPECT_EQ(texts_of(first, kSubject), numbers(0, kEnvelopes));
  EXPECT_EQ(texts_of(second, kSubject), numbers(0, kEnvelopes));
  EXPECT_EQ(publisher.bus().queued_bytes(), 0U);
}

TEST_P(BusContract, OnesOwnEnvelopesComeBack) {
  Listener node(back_end());
  open(node);
  subscribe(node, kSubject);
  subscribe(node, Subject::kControl);
  EXPECT_TRUE(node.publish(kSubject, "mine"));
  EXPECT_TRUE(node.publish(Subject::kControl, "beat"));
  ASSERT_TRUE(wait([&] { return node.got.size() == 2; }));
  EXPECT_EQ(texts_of(node, kSubject), std::vector<std::string>{"mine"});
  EXPECT_EQ(texts_of(node, Subject::kControl), std::vector<std::string>{"beat"});
}

TEST_P(BusContract, EachSubscriptionOfASubjectIsConfirmedInOrder) {
  Listener node(back_end());
  open(node);
  node.subscribe(kSubject, 1);
  node.subscribe(kOther, 2);
  node.subscribe(kSubject, 3);
  node.unsubscribe(kSubject);
  node.subscribe(kSubject, 4);
  ASSERT_TRUE(wait([&] { return node.has_confirmed(kSubject, 4); }));
  ASSERT_TRUE(wait([&] { return node.has_confirmed(kOther, 2); }));
  // Another subject may be on another shard, and the last one of a subject may stand for the
  // others.
  std::erase(node.confirmed, std::pair(kOther, std::uint32_t{2}));
  const std::vector<std::pair<Subject, std::uint32_t>> expected{
      {kSubject, 1}, {kSubject, 3}, {kSubject, 4}};
  EXPECT_TRUE(std::ranges::includes(expected, node.confirmed));
  EXPECT_EQ(node.confirmed.back(), expected.back());
  // Asked for three times, it comes once.
  node.publish(kSubject, "a");
  node.publish(kOther, "end");
  ASSERT_TRUE(wait([&] { return !texts_of(node, kOther).empty(); }));
  EXPECT_EQ(texts_of(node, kSubject), std::vector<std::string>{"a"});
}

TEST_P(BusContract, NothingComesOnASubjectAfterItsEnd) {
  Listener node(back_end());
  Listener publisher(back_end());
  open(node);
  open(publisher);
  subscribe(node, kSubject);
  subscribe(node, kOther);
  node.unsubscribe(kSubject);
  // Its confirmation says that the broker knows of the end too.
  subscribe(node, partition_subject(9));
  publisher.publish(kSubject, "late");
  publisher.publish(kOther, "end");
  ASSERT_TRUE(wait([&] { return !node.got.empty(); }));
  EXPECT_TRUE(texts_of(node, kSubject).empty());
  EXPECT_EQ(texts_of(node, kOther), std::vector<std::string>{"end"});
}

TEST_P(BusContract, WhatIsPublishedAfterAConfirmationComesWhole) {
  constexpr int kRounds = 50;
  constexpr int kAfter = 20;
  Listener publisher(back_end());
  Listener node(back_end());
  open(publisher);
  open(node);
  for (int round = 0; round < kRounds; ++round) {
    const Subject subject = partition_subject(100 + static_cast<std::uint32_t>(round));
    int next = 0;
    int confirmed_at = -1;
    node.when_confirmed = [&](Subject) { confirmed_at = next; };
    node.subscribe(subject);
    // One a turn, while the broker is about to confirm and afterwards.
    ASSERT_TRUE(wait([&] {
      publisher.publish(subject, std::to_string(next++));
      return confirmed_at >= 0 && next >= confirmed_at + kAfter;
    }));
    const std::string last = std::to_string(next - 1);
    ASSERT_TRUE(wait([&] { return !node.got.empty() && node.got.back().second == last; }));
    const std::vector<std::string> got = texts_of(node, subject);
    const int first = std::stoi(got.front());
    EXPECT_LE(first, confirmed_at);
    EXPECT_EQ(got, numbers(first, next));
    node.got.clear();
  }
}

TEST_P(BusContract, AThousandSubjectsStayApart) {
  constexpr std::uint32_t kSubjects = 1024;
  Listener node(back_end());
  Listener publisher(back_end());
  open(node);
  open(publisher);
  for (std::uint32_t i = 0; i < kSubjects; ++i) node.subscribe(partition_subject(i), i + 1);
  ASSERT_TRUE(wait([&] { return node.confirmed.size() == kSubjects; }));
  std::ranges::sort(node.confirmed);
  for (std::uint32_t i = 0; i < kSubjects; ++i) {
    EXPECT_EQ(node.confirmed[i], std::pair(partition_subject(i), i + 1));
    publish(publisher, partition_subject(i), std::to_string(i));
  }
  ASSERT_TRUE(wait([&] { return node.got.size() == kSubjects; }));
  for (const auto& [subject, text] : node.got) {
    EXPECT_EQ(text, std::to_string(number_of(subject)));
  }
}

TEST_P(BusContract, EveryByteAndEverySizeComesAsItWas) {
  std::string every_byte(256, '\0');
  std::iota(every_byte.begin(), every_byte.end(), '\0');
  std::string large(1 << 20, '\0');
  for (std::size_t i = 0; i < large.size(); ++i) large[i] = static_cast<char>(i * 31 >> 3);
  const std::vector<std::string> envelopes{"", "\r\n", every_byte, large, "$5\r\nabcde\r\n", "end"};
  Listener node(back_end());
  open(node);
  subscribe(node, kSubject);
  for (const std::string& envelope : envelopes) publish(node, kSubject, envelope);
  ASSERT_TRUE(wait([&] { return node.got.size() == envelopes.size(); }));
  EXPECT_TRUE(texts_of(node, kSubject) == envelopes);
}

TEST_P(BusContract, ClustersWithOtherPrefixesNeverMeet) {
  Listener ours(back_end(), {.prefix = "one"});
  Listener theirs(back_end(), {.prefix = "two"});
  for (Listener* each : {&ours, &theirs}) {
    open(*each);
    subscribe(*each, kSubject);
    subscribe(*each, Subject::kControl);
  }
  ours.publish(kSubject, "ours");
  ours.publish(Subject::kControl, "ours");
  ASSERT_TRUE(wait([&] { return ours.got.size() == 2; }));
  // What was on the way to them would come before this.
  theirs.publish(kSubject, "theirs");
  ASSERT_TRUE(wait([&] { return !theirs.got.empty(); }));
  EXPECT_EQ(theirs.got.size(), 1U);
  EXPECT_EQ(ours.got.size(), 2U);
}

TEST_P(BusContract, AStoppedBrokerIsToldWithinThreeSecondsAndItsReturnWithinTwo) {
  Listener node(back_end());
  open(node);
  subscribe(node, kSubject);
  back_end().stop_broker();
  ASSERT_TRUE(wait([&] { return !node.is_open; }, 3s));
  ASSERT_EQ(node.losses.size(), 1U);
  EXPECT_NE(node.losses[0].find(back_end().address()), std::string::npos) << node.losses[0];
  EXPECT_FALSE(node.publish(kSubject, "lost"));
  EXPECT_EQ(node.bus().queued_bytes(), 0U);

  back_end().start_broker();
  ASSERT_TRUE(wait([&] { return node.is_open; }, 2s));
  EXPECT_EQ(node.opens, 2);
  subscribe(node, kSubject, 2);
  EXPECT_TRUE(node.publish(kSubject, "again"));
  ASSERT_TRUE(wait([&] { return !node.got.empty(); }));
  EXPECT_EQ(texts_of(node, kSubject), std::vector<std::string>{"again"});
}

TEST_P(BusContract, ABrokerThatHangsIsToldWithinThreeAndAHalfSeconds) {
  Listener node(back_end());
  open(node);
  back_end().pause_broker();
  ASSERT_TRUE(wait([&] { return !node.is_open; }, 3500ms));
  EXPECT_NE(node.losses[0].find(back_end().address()), std::string::npos) << node.losses[0];
  EXPECT_FALSE(node.publish(kSubject, "lost"));
  back_end().resume_broker();
  ASSERT_TRUE(wait([&] { return node.is_open; }, 2s));
  subscribe(node, kSubject);
  EXPECT_TRUE(node.publish(kSubject, "again"));
  ASSERT_TRUE(wait([&] { return !node.got.empty(); }));
}

TEST_P(BusContract, WhatWaitsForAHungBrokerIsBounded) {
  constexpr std::size_t kBound = 256 << 10;
  const std::string envelope(1000, 'x');
  Listener node(back_end(), {.queue_bytes_max = kBound});
  open(node);
  back_end().pause_broker();
  std::size_t refused = 0;
  std::size_t most = 0;
  // The kernel takes some megabytes before its own bound is reached.
  EXPECT_TRUE(wait(
      [&] {
        for (int i = 0; i < 1000 && node.is_open; ++i) {
          if (!node.publish(kSubject, envelope)) ++refused;
        }
        most = std::max(most, node.bus().queued_bytes());
        return !node.is_open;
      },
      3500ms));
  EXPECT_GT(refused, 0U);
  EXPECT_LE(most, kBound + 2 * envelope.size());
  EXPECT_EQ(node.bus().queued_bytes(), 0U);
  back_end().resume_broker();
  ASSERT_TRUE(wait([&] { return node.is_open; }, 2s));
  EXPECT_TRUE(node.publish(kSubject, envelope));
}

TEST_P(BusContract, ABrokerThatIsNotThereAtFirstIsToldAndFoundWhenItComes) {
  back_end().stop_broker();
  Listener node(back_end());
  node.start();
  ASSERT_TRUE(wait([&] { return !node.losses.empty(); }, 3s));
  EXPECT_NE(node.losses[0].find(back_end().address()), std::string::npos) << node.losses[0];
  EXPECT_FALSE(node.publish(kSubject, "lost"));
  node.subscribe(kSubject);
  back_end().start_broker();
  ASSERT_TRUE(wait([&] { return node.is_open; }, 2s));
  subscribe(node, kSubject, 2);
  // The one that was asked before did nothing.
  EXPECT_FALSE(node.has_confirmed(kSubject, 1));
}

TEST_P(BusContract, NothingIsReportedAfterItsStop) {
  Listener node(back_end());
  Listener witness(back_end());
  open(witness);
  open(node);
  subscribe(node, kSubject);
  subscribe(witness, kSubject);
  node.publish(kSubject, "before");
  node.flush();
  node.subscribe(kOther);
  node.stop();
  EXPECT_EQ(node.bus().queued_bytes(), 0U);
  EXPECT_FALSE(node.publish(kSubject, "after"));
  witness.publish(kSubject, "end");
  // Between two publishers there is no order.
  ASSERT_TRUE(wait([&] {
    const std::vector<std::string> texts = texts_of(witness, kSubject);
    return std::ranges::find(texts, "end") != texts.end();
  }));
  EXPECT_TRUE(node.got.empty());
  EXPECT_TRUE(node.losses.empty());
  EXPECT_FALSE(node.has_confirmed(kOther));
  // Nor is it the end of the object.
  open(node);
  subscribe(node, kSubject, 2);
}

TEST_P(BusContract, CallsInsideReportsWork) {
  Listener node(back_end());
  node.when_open = [&] { node.subscribe(kSubject); };
  node.when_confirmed = [&](Subject) { node.publish(kSubject, "0"); };
  node.when_envelope = [&] {
    if (node.got.size() == 5) return node.stop();
    node.publish(kSubject, std::to_string(node.got.size()));
    node.flush();
  };
  node.start();
  ASSERT_TRUE(wait([&] { return node.got.size() >= 5; }));
  EXPECT_EQ(texts_of(node, kSubject), numbers(0, 5));
  EXPECT_FALSE(node.publish(kSubject, "after"));
}

}  // namespace mr::cluster::test
