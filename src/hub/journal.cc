#include "hub/journal.h"

#include <utility>

#include "base/planted.h"

namespace mr::hub {

void Journal::set_behind(std::size_t part, SubscriptionId id, std::uint32_t slot, bool value) {
  Track& track = tracks_.at(id);
  const bool was_behind = track.is_behind(slot);
  if (was_behind == value) return;
  track.set_behind(slot, value);
  if (part == kCertain) return;
  Change& change = changes_.emplace_back();
  change.part = part;
  change.subscription = id;
  change.slot = slot;
  change.was_behind = was_behind;
}

void Journal::join(std::size_t part, SubscriptionId id, std::uint64_t number) {
  Track& track = tracks_.at(id);
  if (part != kCertain) {
    Change& change = changes_.emplace_back();
    change.part = part;
    change.subscription = id;
    change.joined = track.joined;
    change.behind = std::move(track.behind);
    change.filter = track.filter;
    change.pending = track.pending;
    change.next_mark = track.marks ? track.marks->next : 0;
  }
  track.join(number);
}

void Journal::leave_out(std::size_t part, SubscriptionId id, const model::Message& message) {
  const Track& track = tracks_.at(id);
  const model::ChainEntry* entry = message.entry.get();
  if (!track.is_live() || entry == nullptr || !entry->is_chained()) return;
  if (entry->slot < behind_slots_max_) return set_behind(part, id, entry->slot, true);
  if (MR_PLANTED("overflow_keeps_joined")) return;
  join(part, id, entry->number + (MR_PLANTED("overflow_off_by_one") ? 0 : 1));
}

void Journal::give_full(std::size_t part, SubscriptionId id, const model::ChainEntry& entry) {
  if (!MR_PLANTED("behind_for_ever")) set_behind(part, id, entry.slot, false);
}

void Journal::pass_mark(std::size_t part, SubscriptionId id) {
  Track& track = tracks_.at(id);
  const Mark& mark = track.marks->list[track.marks->next];
  const bool keeps = MR_PLANTED("filter_keeps_joined") && !mark.is_start;
  join(part, id, keeps ? track.joined : mark.joined);
  ++track.marks->next;
  if (mark.is_start) {
    --track.pending;
  } else {
    track.filter = mark.filter;
  }
  if (part == kCertain && track.marks->next == track.marks->list.size()) track.marks.reset();
}

void Journal::take_back(Change& change) {
  Track& track = tracks_.at(change.subscription);
  if (change.slot != kNone) return track.set_behind(change.slot, change.was_behind);
  track.joined = change.joined;
  track.behind = std::move(change.behind);
  track.filter = change.filter;
  track.pending = change.pending;
  if (track.marks) track.marks->next = change.next_mark;
}

void Journal::settle_changes(std::size_t first_not_taken) {
  while (!changes_.empty() && changes_.back().part >= first_not_taken) {
    if (!MR_PLANTED("state_when_gathered")) take_back(changes_.back());
    changes_.pop_back();
  }
  for (const Change& change : changes_) {
    if (change.slot != kNone) continue;
    Track& track = tracks_.at(change.subscription);
    if (track.marks && track.marks->next == track.marks->list.size()) track.marks.reset();
  }
  changes_.clear();
}

}  // namespace mr::hub
