#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <vector>

#include "hub/counters.h"
#include "hub/subscriptions.h"
#include "hub/types.h"

namespace mr::hub {

// Writes what waits for one outlet: the rest of a frame that is partly in the kernel, replies,
// then the entries behind the outlet's cursors; all of it with as few calls as the limits of one
// writev allow (512 parts, 256 KiB), repeated until the socket is full. Cursors advance only for
// frames of which the socket took at least one byte; an excluded entry is passed over.
class Writer {
 public:
  Writer(Wire& wire, Subscriptions& subscriptions, Counters& counters)
      : wire_(wire), subscriptions_(subscriptions), counters_(counters) {}

  enum class Outcome : std::uint8_t { kDone, kBlocked, kBroken };
  // `all`: look at every subscription (after a block), else only at those linked as dirty.
  Outcome write(OutletId outlet, bool all);

 private:
  // What one part of the writev is, so that the number of bytes written can be accounted.
  struct Part {
    SubscriptionId subscription = kNone;  // kNone: a reply or the partial frame
    std::uint32_t cursor_after = 0;
    const model::MessageRef* message = nullptr;
  };

  void gather(Outlet& outlet, bool all);
  bool gather_waiting(Outlet& outlet);
  bool gather_entries(const Outlet& outlet, SubscriptionId id);
  void account(Outlet& outlet, std::size_t bytes);
  std::size_t account_waiting(Waiting& waiting, std::size_t bytes);
  bool add(const char* data, std::size_t bytes, Part part);

  Wire& wire_;
  Subscriptions& subscriptions_;
  Counters& counters_;
  std::vector<iovec> iovecs_;
  std::vector<Part> parts_;
  std::size_t gathered_bytes_ = 0;
};

}  // namespace mr::hub
