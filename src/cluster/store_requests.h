#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "cluster/store.h"
#include "net/loop.h"

namespace mr::cluster {

// The requests that a Store has under way: each is answered once, on the loop and never inside the
// call that made it, kNone after Store::kDeadline. Loop only. Its owner does not end inside an
// answer.
class StoreRequests {
 public:
  enum class Ticket : std::uint64_t { kNone = 0 };
  // Why there is no answer.
  enum class Failure : std::uint8_t { kUnconnected, kLost, kRefused };

  explicit StoreRequests(net::Loop& loop) : loop_(loop) {}
  StoreRequests(const StoreRequests&) = delete;
  StoreRequests& operator=(const StoreRequests&) = delete;
  ~StoreRequests() { clear(); }

  Ticket add(Store::OnAnswer done);
  bool is_waiting(Ticket ticket) const;
  // Not inside the request's own call. Nothing happens when it was answered before; too late it is
  // no answer.
  void answer(Ticket ticket, StoreAnswer answer);
  // kNone, a moment later.
  void fail(Ticket ticket, Failure why);
  void fail_all(Failure why);
  // Nobody is answered any more.
  void clear();

  const StoreCounters& counters() const { return counters_; }

 private:
  struct Waiting {
    base::TimePoint due{};
    Store::OnAnswer done;  // empty: answered
  };

  Waiting* find(Ticket ticket);
  void trim();
  void arm();
  void expire();
  void fail_later(Store::OnAnswer done, Failure why);

  net::Loop& loop_;
  std::deque<Waiting> waiting_;  // by time
  std::uint64_t first_ = 1;      // the ticket of the first
  net::TimerId timer_ = net::TimerId::kNone;
  std::vector<Store::OnAnswer> failed_;
  StoreCounters counters_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // until cleared
};

}  // namespace mr::cluster
