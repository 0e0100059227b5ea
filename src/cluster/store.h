#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/function.h"
#include "cluster/types.h"

namespace mr::cluster {

// Where a record is kept, which says how long: a bucket of NATS, a part of the key in Redis.
enum class Space : std::uint8_t {
  kState,        // registrations, leases, quotas, control log: until it is erased
  kCache,        // values of cache channels: channel::Options::cache_ttl
  kIdempotency,  // answers of idempotent publishes: channel::Options::idempotency_ttl
};

struct RecordKey {
  Space space = Space::kState;
  std::string name;  // any bytes; drivers escape what their keys cannot hold
};

// A version of a record, as an answer gave it: it is compared, never counted. Two writes of a
// record have different ones, also when the record was gone in between; one of another connection
// or another life of the store matches nothing.
struct Revision {
  std::uint64_t number = 0;  // 0: the record is absent
  std::uint64_t source = 0;  // the driver's: connection or life that it belongs to
  bool operator==(const Revision&) const = default;
};

// One life of a store: another one may have forgotten what it had answered for (started empty, a
// replica without the last writes, a new bucket). Never 0 in an answer.
enum class StoreLife : std::uint64_t { kNone = 0 };

struct StoreAnswer {
  enum class Kind : std::uint8_t {
    kNone,  // nobody answered in time, or the store refused: whether it happened is unknown
    kDone,
    kConflict,  // the record has another revision than expected: nothing was written
  };
  Kind kind = Kind::kNone;
  StoreLife life = StoreLife::kNone;
  Revision revision{};  // of the record now, when kDone; after a conflict it has to be read
  std::string value;    // what was read; empty for a write, and when the record is absent
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

  // Why it does not answer; empty: it does. Names the place, the reason and the remedy.
  virtual const std::string& problem() const = 0;
};

}  // namespace mr::cluster
