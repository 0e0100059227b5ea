#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/function.h"
#include "cluster/envelope.h"
#include "cluster/hybrid_clock.h"
#include "cluster/store.h"
#include "net/loop.h"

namespace mr::cluster {

struct CacheRecordCounters {
  std::uint64_t written = 0;
  std::uint64_t older = 0;       // not written: the store had a newer one
  std::uint64_t unanswered = 0;  // tries to which the store said nothing; they are repeated
  std::uint64_t dropped = 0;     // that made room for others before they were written
  std::uint64_t read = 0;
  std::uint64_t unread = 0;   // reads to which the store said nothing
  std::uint64_t refused = 0;  // records that are damaged, or none of ours
};

// The newest event of each cache channel in the store, for one loop: a record is the envelope of
// the event, from the node that released it. A record gives way only to one with a higher (time of
// the nodes' clock, boot). One write under way per channel; of what is saved meanwhile the newest
// is written. Outlived by its loop and store.
class CacheRecords {
 public:
  struct Limits {
    std::size_t waiting_bytes_max = 16 << 20;  // of events that wait to be written
    std::size_t revisions_max = 10'000;        // remembered, to write without reading first
    std::size_t requests_max = 64;             // writes of different channels at the same time
  };
  CacheRecords(net::Loop& loop, Store& store, HybridClock& clock, std::string_view secret,
               const Limits& limits);
  ~CacheRecords();
  CacheRecords(const CacheRecords&) = delete;
  CacheRecords& operator=(const CacheRecords&) = delete;

  // `event` holds an EventMessage with a cache_time. What cannot be written yet is tried again.
  void save(std::uint32_t partition, const std::string& name, const Envelope& event);
  // Nothing: there is none, or nobody answered.
  void read(const std::string& name, base::Function<void(std::optional<Envelope>)> done);
  // Runs `task` when what was saved for the partition until now is in the store; at once as a rule,
  // never after kPatience.
  void when_saved(std::uint32_t partition, base::Task task);
  static constexpr base::Duration kPatience = std::chrono::seconds(1);

  std::size_t waiting() const { return writes_.size(); }
  const CacheRecordCounters& counters() const { return counters_; }

 private:
  struct Version {
    std::uint64_t time = 0;
    BootId boot = BootId::kNone;
    auto operator<=>(const Version&) const = default;
  };
  // Who waits for some writes; the last one runs it.
  struct Waiter {
    std::size_t missing = 0;
    base::TimePoint until{};
    base::Task task;
  };
  struct Need {
    Version version;
    std::shared_ptr<Waiter> waiter;
  };
  struct Write {
    std::uint32_t partition = 0;
    Version version;
    std::string bytes;
    bool is_under_way = false;
    bool is_ready = false;  // stands in ready_
    std::vector<Need> needs;
  };

  static Version version_of(const Envelope& event);
  void make_ready(const std::string& name);
  void begin_ready();
  void end_request(const std::string& name);
  void write(const std::string& name, Revision expected);
  void compare(const std::string& name);
  void settle(const std::string& name, Version written);
  void release(std::vector<Need>& needs, Version written);
  void retry_later();
  void try_later();
  void make_room(const std::string& but);
  std::optional<Envelope> decode(const std::string& name, const std::string& value);

  net::Loop& loop_;
  Store& store_;
  HybridClock& clock_;
  EnvelopeCodec codec_;
  const Limits limits_;
  std::map<std::string, Write> writes_;  // not in the store yet
  std::deque<std::string> ready_;        // of these, what is to be written next
  std::map<std::string, Revision> revisions_;
  std::size_t requests_ = 0;
  std::size_t waiting_bytes_ = 0;
  net::TimerId retry_timer_ = net::TimerId::kNone;
  CacheRecordCounters counters_;
};

}  // namespace mr::cluster
