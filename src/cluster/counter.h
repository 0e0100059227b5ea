#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/function.h"
#include "cluster/store.h"

namespace mr::cluster {

// A delta chain, which all nodes count together.
struct CounterKey {
  std::string app_id;
  std::string channel;
  std::string conflation_key;  // as on the wire (delta::wire_key)
  bool operator==(const CounterKey&) const = default;
};

// "app:channel:key", `:`, `%`, `{` and `}` of app and key as %XX; a wire key has its `%` done.
std::string counter_name(const CounterKey& key);
// Nullopt: no name that counter_name() makes.
std::optional<CounterKey> parse_counter_name(std::string_view name);

// What the store holds of a chain: "5/10 node-1".
struct Count {
  std::uint32_t count = 0;     // messages since the last full one
  std::uint32_t interval = 0;  // who counted last asked with it; 0: nobody counted yet
  std::string node;            // who that was
  bool operator==(const Count&) const = default;
};
std::string format_count(const Count& count);
// Nothing counted yet where the text is none of ours.
Count parse_count(std::string_view text);

// One counter, as operators see it.
struct CounterState {
  CounterKey key;
  Count count;
  StoreLife life = StoreLife::kNone;        // of the server that has it
  std::optional<base::Duration> ends_in{};  // unless it is counted again; nothing: never
};

// Counters are listed a page at a time.
struct CounterQuery {
  std::string app_id{};     // empty: of all apps
  std::string channel{};    // empty: of all channels
  std::size_t limit = 100;  // who has so many goes no step further
  std::string cursor{};     // `next` of the page before; empty: the first page
};
bool is_wanted(const CounterQuery& query, const CounterKey& key);
// The problem of a page that was asked for with a cursor of no page before.
std::string unknown_cursor(std::string_view cursor);

// Who is counted meanwhile may be on two pages, and what ends or comes meanwhile on none.
struct CounterPage {
  static constexpr std::chrono::seconds kPatience{1};  // who took so long goes no step further

  std::vector<CounterState> counters;
  std::string next;         // empty: there are no more
  std::size_t unnamed = 0;  // their names are too long for the store, which has but their hashes
  std::string problem;      // why there is no page; names the reason and the remedy
};

// A message that wants its place in the count of its chain.
struct CountRequest {
  CounterKey key;
  std::uint32_t interval = 0;
  std::uint64_t number = 0;  // of its coordinator
  base::TimePoint accepted{};
  bool is_open = true;  // false: decided otherwise; it takes no place unless one was asked for
};
using CountRequestRef = std::shared_ptr<CountRequest>;

struct Counted {
  std::uint32_t place = 0;  // 1 to the interval
  bool is_full = false;
  Count before;  // by whom the chain was counted last
};

// What a Counter tells, on its loop, never inside a call to it.
class CounterEvents {
 public:
  virtual void on_counted(const CountRequestRef& request, const Counted& counted) = 0;
  // It will not be counted: nobody can say whether it was.
  virtual void on_uncounted(const CountRequestRef& request) = 0;
  // The store answered a request, or did not in time.
  virtual void on_answer(bool came) = 0;

 protected:
  ~CounterEvents() = default;
};

// The common counters, as one loop reaches them. A message is asked for once; the counts of one
// chain follow each other without a hole. Loop only; its events outlive it.
class Counter {
 public:
  virtual ~Counter() = default;
  virtual void start() = 0;
  // Nobody is told of what waits.
  virtual void stop() = 0;
  // An answer that takes longer is none.
  virtual void set_patience(base::Duration patience) = 0;
  // False, and nothing was taken: there is no way to the store now.
  virtual bool count(const CountRequestRef& request) = 0;

  // For operators. Nothing: the store did not answer.
  virtual void read(const CounterKey& key,
                    base::Function<void(std::optional<CounterState>)> done) = 0;
  // What a node cannot ask now is the page's problem.
  virtual void list(const CounterQuery& query, base::Function<void(CounterPage)> done) = 0;
  // The next message of the chain has place 1. False: the store did not answer, or others count
  // just now.
  virtual void reset(const CounterKey& key, base::Function<void(bool)> done) = 0;

  // "Redis" or "NATS", for texts.
  virtual std::string_view backend() const = 0;
  // Why it does not answer; empty: it does.
  virtual const std::string& problem() const = 0;
};

}  // namespace mr::cluster
