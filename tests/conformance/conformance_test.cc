#include <gtest/gtest.h>

#include <map>
#include <set>
#include <vector>

#include "conformance/cut_transport.h"
#include "conformance/runner.h"
#include "support/echo_endpoint.h"

namespace mr::conformance {
namespace {

constexpr std::size_t kMessageBytesMax = 16 << 20;  // the largest of group 9
constexpr std::uint64_t kSeed = 6455;
constexpr std::size_t kSingleBytes = 64 * 1024;

enum class Cut : std::uint8_t { kAsSent, kEverywhere };

class MemoryTransport final : public Transport {
 public:
  MemoryTransport() : endpoint_(kMessageBytesMax) {}

  bool send(std::string_view bytes) override {
    if (endpoint_.is_closed()) return false;
    std::vector<char> own(bytes.begin(), bytes.end());
    endpoint_.receive(std::as_writable_bytes(std::span(own)));
    return true;
  }

  Got receive(std::string& into, std::chrono::milliseconds) override {
    const std::string output = endpoint_.take_output();
    into += output;
    if (!output.empty()) return Got::kBytes;
    return endpoint_.is_closed() ? Got::kClosed : Got::kQuiet;
  }

 private:
  test::EchoEndpoint endpoint_;
};

// Never answers, or is closed from the start.
class DeadTransport final : public Transport {
 public:
  explicit DeadTransport(Got answer) : answer_(answer) {}
  bool send(std::string_view) override { return answer_ == Got::kQuiet; }
  Got receive(std::string&, std::chrono::milliseconds) override { return answer_; }

 private:
  Got answer_;
};

std::size_t run_all(Cut cut) {
  std::size_t passed = 0;
  for (const CaseEntry& entry : all_cases()) {
    MemoryTransport whole;
    CutTransport in_pieces(whole, kSingleBytes, kSeed);
    Transport& transport = cut == Cut::kAsSent ? static_cast<Transport&>(whole) : in_pieces;
    const auto why = run_case(entry.make(), transport);
    EXPECT_FALSE(why.has_value()) << "case " << entry.id << ": " << why.value_or("");
    passed += !why;
  }
  return passed;
}

TEST(ConformanceTest, HasTheCasesOfTheSuite) {
  std::map<std::string, int> per_group;
  std::set<std::string> ids;
  for (const CaseEntry& entry : all_cases()) {
    ++per_group[entry.id.substr(0, entry.id.find('.'))];
    EXPECT_TRUE(ids.insert(entry.id).second) << entry.id;
  }
  EXPECT_EQ(per_group, (std::map<std::string, int>{{"1", 16},
                                                   {"2", 11},
                                                   {"3", 7},
                                                   {"4", 10},
                                                   {"5", 20},
                                                   {"6", 145},
                                                   {"7", 37},
                                                   {"9", 54},
                                                   {"10", 1}}));
  EXPECT_EQ(ids.size(), 301U);
}

TEST(ConformanceTest, AllPassAsSent) { EXPECT_EQ(run_all(Cut::kAsSent), 301U); }

TEST(ConformanceTest, AllPassCutAtEveryByte) {
  SCOPED_TRACE(testing::Message() << "seed " << kSeed);
  EXPECT_EQ(run_all(Cut::kEverywhere), 301U);
}

TEST(ConformanceTest, ADeadPeerPassesNothing) {
  for (const Got answer : {Got::kQuiet, Got::kClosed}) {
    for (const CaseEntry& entry : frame_cases()) {
      DeadTransport transport(answer);
      EXPECT_TRUE(run_case(entry.make(), transport).has_value()) << entry.id;
    }
    for (const CaseEntry& entry : close_cases()) {
      DeadTransport transport(answer);
      EXPECT_TRUE(run_case(entry.make(), transport).has_value()) << entry.id;
    }
  }
}

}  // namespace
}  // namespace mr::conformance
