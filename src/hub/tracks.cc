#include "hub/tracks.h"

#include <utility>

#include "base/assert.h"

namespace mr::hub {

using delta::FormClass;

void Tracks::want(SubscriptionId id, std::uint8_t form_class) {
  MR_ASSERT(!subscriptions_.is_active(id), "wanted before it is active");
  if (form_class == FormClass::kNone) return;
  Track& track = ensure(id);
  track.form_class = form_class;
  track.pending = 1;
}

void Tracks::want_again(SubscriptionId id, std::uint8_t form_class) {
  if (form_class == FormClass::kNone) {
    set_class(id, form_class);
    return;
  }
  ensure(id).form_class = form_class;
  ask(id);
}

bool Tracks::begin(SubscriptionId id, std::uint32_t filter, std::optional<std::uint64_t> joined) {
  if (!has(id) && filter == Track::kNoFilter) return false;
  Track& track = ensure(id);
  track.filter = filter;
  if (!joined) return false;
  --track.pending;
  track.join(*joined);
  return track.form_class != FormClass::kNone;
}

bool Tracks::set_class(SubscriptionId id, std::uint8_t form_class) {
  if (form_class == FormClass::kNone && !has(id)) return false;
  Track& track = ensure(id);
  const std::uint8_t before = std::exchange(track.form_class, form_class);
  if (form_class == FormClass::kNone) {
    // A start on its way only ends the waiting then; another one follows when it is wanted again.
    for (std::size_t i = 0; track.marks && i < track.marks->list.size(); ++i) {
      track.marks->list[i].sync = nullptr;
    }
    return false;
  }
  if (before != FormClass::kNone &&
      FormClass::of(before).algorithm == FormClass::of(form_class).algorithm) {
    return false;
  }
  ask(id);
  return true;
}

void Tracks::ask(SubscriptionId id) { ++ensure(id).pending; }

void Tracks::ask_once_less(SubscriptionId id) {
  MR_ASSERT(at(id).pending > 1, "the start that is left");
  --at(id).pending;
}

std::uint8_t Tracks::count_as(SubscriptionId id, std::uint8_t form_class) {
  if (form_class == FormClass::kNone && !has(id)) return FormClass::kNone;
  return std::exchange(ensure(id).counted_class, form_class);
}

Track& Tracks::ensure(SubscriptionId id) {
  Subscription& subscription = subscriptions_.at(id);
  if (subscription.track == kNone) subscription.track = slab_.acquire();
  return slab_[subscription.track];
}

void Tracks::end(SubscriptionId id) {
  if (!has(id)) return;
  Subscription& subscription = subscriptions_.at(id);
  slab_.release(subscription.track);
  subscription.track = kNone;
}

}  // namespace mr::hub
