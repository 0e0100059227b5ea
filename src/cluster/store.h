#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/function.h"
#include "cluster/types.h"

namespace mr::cluster {

// Where a record is kept, which says how long: a bucket of NATS, a part of the key in Redis.
enum class Space : std::uint8_t {
  kState,        // registrations, leases, quotas, control log: until it is erased
  kCache,        // values of cache channels: channel::Options::cache_ttl
  kIdempotency,  // answers of idempotent publishes: channel::Options::idempotency_ttl
  kDeltaCounts,  // intervals of delta chains
};
inline constexpr std::size_t kSpaces = 4;

// As it stands in keys, in the names of buckets and in texts.
constexpr std::string_view name_of(Space space) {
  constexpr std::string_view kNames[kSpaces] = {"state", "cache", "idempotency", "delta_counts"};
  return kNames[static_cast<std::size_t>(space)];
}

// How long records live since their last write; the same at all nodes. Zero: until erased.
struct StoreTimes {
  base::Duration cache = std::chrono::minutes(30);
  base::Duration idempotency = std::chrono::seconds(120);
  base::Duration delta_counts = std::chrono::minutes(5);

  constexpr base::Duration of(Space space) const {
    switch (space) {
      case Space::kCache:
        return cache;
      case Space::kIdempotency:
        return idempotency;
      case Space::kDeltaCounts:
        return delta_counts;
      case Space::kState:
        break;
    }
    return {};
  }
};

struct RecordKey {
  Space space = Space::kState;
  std::string name;  // any bytes; drivers escape what their keys cannot hold
};

// A version of a record, as an answer gave it: it is compared, never counted. Two writes of a
// record have different ones, also when the record was gone in between. Revision{} is that of every
// absent record, so a write that expects it creates. One that comes from another connection or
// another life of the store may match nothing: that is a conflict, and whoever reads again knows.
struct Revision {
  std::uint64_t number = 0;  // 0: the record is absent
  std::uint64_t source = 0;  // the driver's: connection or life that it belongs to
  bool operator==(const Revision&) const = default;
  bool is_absent() const { return number == 0; }
};

// One life of a store: another one may have forgotten what it had answered for (started empty, a
// replica without the last writes, a new bucket). Never 0 in an answer. Lives are compared for one
// record: where records lie on several servers, each server has its own.
enum class StoreLife : std::uint64_t { kNone = 0 };

struct StoreAnswer {
  enum class Kind : std::uint8_t {
    kNone,  // nobody answered in time, or the store refused: it may have happened, or may yet
    kDone,
    kConflict,  // the record has another revision than expected: nothing was written
  };
  Kind kind = Kind::kNone;
  StoreLife life = StoreLife::kNone;
  Revision revision{};  // of the record now, when kDone; after a conflict it has to be read
  std::string value;    // what was read; empty for a write, and when the record is absent
  std::string name{};   // of next(): the record's; empty where its key does not hold it
  std::optional<base::Duration> ends_in{};  // of a read, where the store tells it
};

// What became of a store's requests, since its making.
struct StoreCounters {
  std::uint64_t requests = 0;
  std::uint64_t conflicts = 0;
  // kNone by reason: there was no connection, none came in time, the connection went meanwhile,
  // the store said no.
  std::uint64_t unconnected = 0;
  std::uint64_t late = 0;
  std::uint64_t lost = 0;
  std::uint64_t refused = 0;
};

// What all nodes of a cluster share: small records that change by compare-and-set, in the broker's
// own store. Every operation is atomic for one record, and none spans two. A request is sent once;
// who wants it again asks again. Loop only; one per loop that needs it, outlived by its loop.
class Store {
 public:
  // Once for each request, on the loop, never inside the call. kNone 400 ms after the call at the
  // latest; what comes later is dropped.
  using OnAnswer = base::Function<void(StoreAnswer)>;
  static constexpr std::chrono::milliseconds kDeadline{400};

  virtual ~Store() = default;
  virtual void start() = 0;
  // Waiting requests are not answered any more.
  virtual void stop() = 0;

  // Reads from whoever takes writes (a primary, a leader). Requests of one record are executed in
  // the order of the calls as long as the connection lasts.
  virtual void read(const RecordKey& key, OnAnswer done) = 0;
  // Writes if the record still has this revision. Its time to live begins anew.
  virtual void write(const RecordKey& key, std::string_view value, Revision expected,
                     OnAnswer done) = 0;
  virtual void erase(const RecordKey& key, Revision expected, OnAnswer done) = 0;
  // Reads the record of this space that has the lowest revision number from `from` on: so all can
  // be listed, those that are written meanwhile last. Absent: there is none. False, and nothing
  // was taken: the numbers of this store have no order.
  virtual bool next(Space, std::uint64_t /*from*/, OnAnswer) { return false; }

  // Why it does not answer; empty: it does. Names the place, the reason and the remedy.
  virtual const std::string& problem() const = 0;
  // Nothing where nobody counts.
  virtual StoreCounters counters() const { return {}; }
};

}  // namespace mr::cluster
