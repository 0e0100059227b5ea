#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <string_view>
#include <vector>

#include "hub/counters.h"
#include "hub/journal.h"
#include "hub/subscriptions.h"
#include "hub/types.h"

namespace mr::hub {

// Writes what waits for one outlet: the rest of a frame that is partly in the kernel, replies,
// then the entries behind the outlet's cursors; all of it with as few calls as the limits of one
// writev allow (512 parts, 256 KiB), repeated until the socket is full. Cursors advance only for
// frames of which the socket took at least one byte; an excluded entry is passed over.
// After a block channels with messages of a higher priority come first, each up to the last of
// these; a channel keeps its order.
class Writer {
 public:
  Writer(Wire& wire, Subscriptions& subscriptions, Tracks& tracks, Counters& counters,
         std::uint32_t behind_slots_max)
      : wire_(wire),
        subscriptions_(subscriptions),
        tracks_(tracks),
        counters_(counters),
        journal_(tracks, behind_slots_max) {}

  enum class Outcome : std::uint8_t { kDone, kBlocked, kBroken };
  // `all`: look at every subscription (after a block), else only at those linked as dirty.
  Outcome write(OutletId outlet, bool all);
  // The subscription's next entry is passed without being written; true when it would have been.
  bool skip(SubscriptionId id);

 private:
  // What one frame of the writev is, so that the number of bytes written can be accounted.
  struct Part {
    SubscriptionId subscription = kNone;  // kNone: a reply or the partial frame
    std::uint32_t cursor_after = 0;
    const model::MessageRef* message = nullptr;
    std::uint32_t bytes = 0;
    model::Form form = model::kPlainForm;
    std::uint32_t excluded = 0;  // entries behind it that are passed with it, and why
    std::uint32_t filtered = 0;
  };
  using Passed = std::uint32_t Part::*;

  void gather(Outlet& outlet, bool all);
  bool gather_waiting(Outlet& outlet);
  void gather_all(const Outlet& outlet);
  // Of what waits for the outlet.
  struct Priorities {
    std::uint8_t highest = 0;
    std::uint8_t lowest = UINT8_MAX;
  };
  Priorities priorities_of(const Outlet& outlet) const;
  std::uint32_t end_of(const Outlet& outlet, SubscriptionId id, std::uint8_t priority) const;
  bool waits_for(const Outlet& outlet, SubscriptionId id, const model::Message& message) const;
  bool gather_entries(const Outlet& outlet, SubscriptionId id, std::uint32_t end);
  bool gather_tracked(const Outlet& outlet, SubscriptionId id, std::uint32_t end);
  bool gather_marks(SubscriptionId id, std::uint32_t number, bool& is_first);
  void pass_silent_marks(SubscriptionId id);
  void raise_marks(SubscriptionId id, const model::Message& message);
  const Mark* next_mark(SubscriptionId id, std::uint32_t number) const;
  void pass(SubscriptionId id, std::uint32_t cursor, bool is_first, Passed why);
  void account(Outlet& outlet, std::size_t bytes);
  std::size_t account_waiting(Waiting& waiting, std::size_t bytes);
  void count_chained(const Part& part);
  void account_part(Outlet& outlet, const Part& part);
  bool has_room() const;
  void add_piece(std::string_view piece);
  bool add_waiting(std::string_view bytes);
  Part& add_part(SubscriptionId id, std::uint32_t cursor_after, const model::MessageRef& message);
  void add_form(Part& part, model::Form form);

  Wire& wire_;
  Subscriptions& subscriptions_;
  Tracks& tracks_;
  Counters& counters_;
  Journal journal_;
  std::vector<iovec> iovecs_;
  std::vector<Part> parts_;
  std::size_t gathered_bytes_ = 0;
  bool is_cut_ = false;  // lower priorities were left for the next writev
};

}  // namespace mr::hub
