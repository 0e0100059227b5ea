#include "filter/interner.h"

#include <algorithm>
#include <utility>

namespace mr::filter {

Interner::Added Interner::add(FilterRef filter) {
  const auto known = ids_.find(std::string_view(filter->text()));
  if (known != ids_.end()) {
    ++slots_[known->second].holders;
    return {known->second, false};
  }
  auto free = std::find_if(slots_.begin(), slots_.end(), [](const Slot& s) { return !s.filter; });
  if (free == slots_.end()) free = slots_.insert(free, Slot{});
  const Id id = static_cast<Id>(free - slots_.begin());
  *free = {std::move(filter), 1};
  ids_.emplace(std::string_view(free->filter->text()), id);
  return {id, true};
}

bool Interner::release(Id id) {
  MR_ASSERT(at(id) != nullptr, "a filter that is held");
  Slot& slot = slots_[id];
  if (--slot.holders > 0) return false;
  ids_.erase(std::string_view(slot.filter->text()));
  slot.filter = nullptr;
  while (!slots_.empty() && !slots_.back().filter) slots_.pop_back();
  return true;
}

}  // namespace mr::filter
