#include "hub/form.h"

#include "base/planted.h"

namespace mr::hub {

bool Track::is_live() const {
  if (MR_PLANTED("deltas_until_answer") && joined != 0)
    return form_class != delta::FormClass::kNone;
  return form_class != delta::FormClass::kNone && pending == 0;
}

void Track::set_behind(std::uint32_t slot, bool value) {
  if (!behind) {
    if (!value) return;
    behind = std::make_unique<Behind>();
  }
  const std::size_t word = slot / 64;
  if (word >= behind->size()) behind->resize(word + 1);
  const std::uint64_t bit = std::uint64_t{1} << (slot % 64);
  (*behind)[word] = value ? (*behind)[word] | bit : (*behind)[word] & ~bit;
}

Choice choose(const Track& track, const model::Message& message) {
  const model::ChainEntry* entry = message.entry.get();
  if (!track.is_live() || entry == nullptr || !entry->is_chained()) return {};
  std::uint64_t base = entry->base;
  if (base == 0) return {Reason::kFirst, model::kFullForm};
  bool is_hidden = track.filter != Track::kNoFilter && !entry->base_passes.test(track.filter);
  if (is_hidden) {
    if (const std::uint64_t last = entry->last_passed(track.filter)) {
      base = last;
      is_hidden = false;
    }
  }
  if (entry->is_due) return {Reason::kDue, model::kFullForm};
  if (base < track.joined) return {Reason::kJoined, model::kFullForm};
  if (is_hidden && !MR_PLANTED("filter_ignores_base")) return {Reason::kFilter, model::kFullForm};
  if (track.is_behind(entry->slot)) return {Reason::kBehind, model::kFullForm};
  std::size_t delta = entry->find_delta(base, track.form_class);
  if (MR_PLANTED("algorithm_omitted")) delta = entry->find_delta(base, track.form_class | 2);
  // A class that no loop reported in time; a frame with more in it serves as well.
  if (delta == entry->deltas.size()) {
    delta = entry->find_delta(base, delta::FormClass::named(track.form_class));
  }
  if (delta == entry->deltas.size()) return {Reason::kSize, model::kFullForm};
  return {Reason::kDelta, model::kFirstDeltaForm + static_cast<model::Form>(delta)};
}

}  // namespace mr::hub
