#pragma once

#include <cstdint>
#include <optional>

#include "base/slab.h"
#include "hub/form.h"
#include "hub/subscriptions.h"

namespace mr::hub {

// What subscriptions hear and hold, where that is more than everything in plain frames, and what
// sessions say of it. The home loop is asked for each start and each filter; its answers take their
// place through Hub::place(), the first one of a subscription through begin().
class Tracks {
 public:
  explicit Tracks(Subscriptions& subscriptions) : subscriptions_(subscriptions) {}

  // A pending subscription that starts with deltas; its join asks for a start too.
  void want(SubscriptionId id, std::uint8_t form_class);
  // The subscriber joins again: its join asks for a start if there are to be deltas, whatever was
  // before.
  void want_again(SubscriptionId id, std::uint8_t form_class);
  // The answer to its join: the filter's id, and from which number on bases count as received
  // when it held a start. True when the subscriber is told of the start, before anything else of
  // the channel.
  bool begin(SubscriptionId id, std::uint32_t filter, std::optional<std::uint64_t> joined);
  // What the subscriber wants from now on; kNone is at once. True when the home loop must be asked
  // for a start, which ask() noted already: another algorithm, or none before.
  bool set_class(SubscriptionId id, std::uint8_t form_class);
  // A start is asked for, or will be once a limit allows it: plain until it has its place.
  void ask(SubscriptionId id);
  // Of two starts that were asked for one will be enough: it is not on its way yet.
  void ask_once_less(SubscriptionId id);
  // The class that the home loop counts this subscription in: the one before, and from now on.
  std::uint8_t count_as(SubscriptionId id, std::uint8_t form_class);

  bool has(SubscriptionId id) const { return subscriptions_.at(id).track != kNone; }
  Track& at(SubscriptionId id) { return slab_[subscriptions_.at(id).track]; }
  const Track& at(SubscriptionId id) const { return slab_[subscriptions_.at(id).track]; }
  Track& ensure(SubscriptionId id);
  // Before the subscription ends.
  void end(SubscriptionId id);
  std::size_t count() const { return slab_.used(); }

 private:
  Subscriptions& subscriptions_;
  base::Slab<Track> slab_;
};

}  // namespace mr::hub
