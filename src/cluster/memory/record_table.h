#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/random.h"
#include "cluster/store.h"

namespace mr::cluster::memory {

// The records of a store inside the process. Copied, it is a replica with the same ones. Writes are
// remembered for `memory`, so that a replica can be without them.
class RecordTable {
 public:
  explicit RecordTable(base::Random& random, base::Duration memory = std::chrono::seconds(2));

  void set_times(const StoreTimes& times) { times_ = times; }

  StoreAnswer read(const RecordKey& key, base::TimePoint now);
  StoreAnswer write(const RecordKey& key, std::string_view value, Revision expected,
                    base::TimePoint now);
  StoreAnswer erase(const RecordKey& key, Revision expected, base::TimePoint now);
  StoreAnswer next(Space space, std::uint64_t from, base::TimePoint now);

  // Another life, with nothing; with all but the writes of the last `lag`.
  void clear();
  void fail_over(base::Duration lag, base::TimePoint now);

  StoreLife life();

 private:
  using Key = std::pair<Space, std::string>;
  struct Record {
    std::uint64_t number = 0;  // random: no other write has it
    std::string value;
    base::TimePoint end{};
  };
  struct Change {
    base::TimePoint at{};
    Key key;
    std::optional<Record> before;
  };
  struct End {
    base::TimePoint at{};
    Key key;
    std::uint64_t number = 0;
  };

  std::uint64_t draw();
  void drop_ended(base::TimePoint now);
  void remember(const Key& key, base::TimePoint now);
  std::uint64_t number_of(const Key& key) const;
  StoreAnswer answer(StoreAnswer::Kind kind, std::uint64_t number = 0);

  base::Random& random_;
  const base::Duration memory_;
  StoreTimes times_;
  StoreLife life_ = StoreLife::kNone;  // kNone: nobody asked yet
  std::map<Key, Record> records_;
  std::array<std::deque<End>, kSpaces> ends_;  // by space, by time
  std::deque<Change> changes_;                 // lately
};

}  // namespace mr::cluster::memory
