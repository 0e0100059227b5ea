#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "base/function.h"
#include "cluster/lease_record.h"
#include "cluster/store.h"
#include "net/loop.h"

namespace mr::cluster {

class LeaseEvents {
 public:
  // We are the owner. `replaced`: whom the record named before; epoch 0: nobody.
  virtual void on_lease_taken(const Token& token, const Token& replaced) = 0;
  virtual void on_lease_lost() = 0;

 protected:
  ~LeaseEvents() = default;
};

struct LeaseOptions {
  base::Duration lease = std::chrono::seconds(2);
  base::Duration renew = std::chrono::milliseconds(500);
  base::Duration poll = std::chrono::milliseconds(250);
};

// The wish to own one resource: takes its record when the owner before does not renew it, and keeps
// it. No clock is compared with another one. The owner counts from the sending of its last answered
// renewal and stops at 0.9 of the lease; the others take what they saw unchanged for a whole
// lease. A read without an answer starts that again, so the last owner has the first claim.
// Loop only; the store is stopped before this ends.
class Lease {
 public:
  Lease(net::Loop& loop, Store& store, RecordKey key, BootId self, LeaseEvents& events);
  ~Lease();
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  void start();
  void stop();

  // Whether the owner may act now.
  bool is_held() const;
  // As the store knows it; also past the deadline, until another owner is seen.
  const std::optional<Token>& token() const { return token_; }

  // An epoch that somebody told: the next one that we take is above it.
  void hear(std::uint64_t epoch) { known_ = std::max(known_, epoch); }
  // Others accept this epoch and not ours any more: while we hold the lease we take one above.
  void outbid(std::uint64_t epoch);
  // One write makes the heir the owner; we are owner until its answer. `done` gets the heir's
  // token, or nothing.
  void give(BootId heir, base::Function<void(std::optional<Token>)> done);
  // Who owns it according to a read that is sent now; nothing when it is not answered in time.
  void find_owner(base::Function<void(std::optional<Token>)> done);
  // What the giver told us.
  void receive(const Token& token);

 private:
  struct Seen {
    Revision revision{};
    base::TimePoint since{};
  };
  base::TimePoint now() const { return loop_.clock().now(); }
  bool is_busy() const { return is_writing_ || is_giving_; }
  void poll();
  void renew_later();
  void look();
  void on_read(const StoreAnswer& answer);
  void take(const LeaseRecord& record, Revision expected);
  void renew();
  void drop();
  void hold(const Token& token, const Token& replaced, base::TimePoint sent);

  net::Loop& loop_;
  Store& store_;
  const RecordKey key_;
  const BootId self_;
  LeaseEvents& events_;
  const LeaseOptions options_;
  std::optional<Token> token_;
  std::optional<Token> offered_;      // a giver told us; the store has not yet
  std::optional<Revision> revision_;  // of our own record, if no answer about it was lost
  std::uint64_t beat_ = 0;
  std::uint64_t known_ = 0;
  std::optional<Seen> seen_;
  base::TimePoint deadline_{};
  bool is_writing_ = false;
  bool is_giving_ = false;
  bool is_renewal_due_ = false;
  bool was_owner_ = false;  // and has not given it away
  net::TimerId poll_timer_ = net::TimerId::kNone;
  net::TimerId renew_timer_ = net::TimerId::kNone;
};

}  // namespace mr::cluster
