#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/flat_map.h"
#include "base/function.h"
#include "cluster/counter.h"
#include "net/loop.h"

namespace mr::cluster {

// Why a message was left to its chain's own count.
enum class Fallback : std::uint8_t {
  kUnconnected,  // there was no way to the store
  kLate,         // no answer in time
  kLost,         // the connection went with the question
  kSilent,       // the store had not answered lately, and is tried only once a second
};
inline constexpr std::size_t kFallbacks = 4;
std::string_view name_of(Fallback reason);

// What the common counter says of one message.
struct Decision {
  bool is_local = false;  // nothing in time: its chain's own count holds
  Counted counted;
};

class CoordinatorEvents {
 public:
  virtual void on_decided(const CountRequest& request, const Counted& counted) = 0;
  // Told once for each such node: it counts a chain with another interval than this one.
  virtual void on_other_interval(const CountRequest& request, const Count& other) = 0;

 protected:
  ~CoordinatorEvents() = default;
};

// Asks the common counter for each message, and answers in any case within the timeout: a message
// whose answer is late is local, and an answer after that is dropped. After three requests without
// an answer it asks only once a second, with a real message, until one is answered. Loop only.
class Coordinator final : private CounterEvents {
 public:
  struct Counters {
    std::uint64_t fulls = 0;
    std::uint64_t deltas = 0;
    std::uint64_t fallbacks[kFallbacks] = {};
  };
  using MakeCounter = base::Function<std::unique_ptr<Counter>(CounterEvents&)>;

  Coordinator(net::Loop& loop, CoordinatorEvents& events, MakeCounter make_counter);
  Coordinator(const Coordinator&) = delete;
  Coordinator& operator=(const Coordinator&) = delete;
  ~Coordinator();  // what waits is dropped

  void start(base::Duration timeout);
  // What waits is local, now.
  void stop();
  bool is_started() const { return is_started_; }
  void set_timeout(base::Duration timeout);

  // `answer` runs once, at once when nobody can be asked.
  void decide(CounterKey key, std::uint32_t interval, base::Function<void(Decision)> answer);

  // It answers as far as is known.
  bool is_up() const { return counter_->problem().empty() && failures_ < kFailuresMax; }
  const std::string& problem() const { return counter_->problem(); }
  std::string_view backend() const { return counter_->backend(); }
  Counter& counter() { return *counter_; }
  const Counters& counters() const { return counters_; }

 private:
  static constexpr std::uint32_t kFailuresMax = 3;
  struct Waiting {
    CountRequestRef request;
    base::Function<void(Decision)> answer;
    net::TimerId deadline = net::TimerId::kNone;
  };

  void on_counted(const CountRequestRef& request, const Counted& counted) override;
  void on_uncounted(const CountRequestRef& request) override {
    fall_back(request, Fallback::kLost);
  }
  void on_answer(bool came) override;
  void fall_back(const CountRequestRef& request, Fallback reason);
  Waiting close(const CountRequestRef& request);

  net::Loop& loop_;
  CoordinatorEvents& events_;
  const std::unique_ptr<Counter> counter_;
  std::map<std::uint64_t, Waiting> waiting_;  // by number, in order
  std::uint64_t asked_ = 0;
  base::TextSet told_;  // nodes with another interval
  base::Duration timeout_{};
  bool is_started_ = false;
  std::uint32_t failures_ = 0;
  base::TimePoint retry_at_{};
  bool is_probing_ = false;
  Counters counters_;
};

}  // namespace mr::cluster
