#include "cluster/memory/record_table.h"

namespace mr::cluster::memory {

RecordTable::RecordTable(base::Random& random, base::Duration memory)
    : random_(random), memory_(memory) {}

StoreAnswer RecordTable::read(const RecordKey& key, base::TimePoint now) {
  drop_ended(now);
  const auto found = records_.find({key.space, key.name});
  if (found == records_.end()) return answer(StoreAnswer::Kind::kDone);
  StoreAnswer result = answer(StoreAnswer::Kind::kDone, found->second.number);
  result.value = found->second.value;
  return result;
}

StoreAnswer RecordTable::write(const RecordKey& key, std::string_view value, Revision expected,
                               base::TimePoint now) {
  drop_ended(now);
  const Key own{key.space, key.name};
  if (number_of(own) != expected.number) return answer(StoreAnswer::Kind::kConflict);
  remember(own, now);
  const base::Duration life = times_.of(key.space);
  Record& record = records_[own];
  record = {draw(), std::string(value), now + life};
  if (life != base::Duration::zero()) {
    ends_[static_cast<std::size_t>(key.space)].push_back({record.end, own, record.number});
  }
  return answer(StoreAnswer::Kind::kDone, record.number);
}

StoreAnswer RecordTable::erase(const RecordKey& key, Revision expected, base::TimePoint now) {
  drop_ended(now);
  const Key own{key.space, key.name};
  if (number_of(own) != expected.number) return answer(StoreAnswer::Kind::kConflict);
  remember(own, now);
  records_.erase(own);
  return answer(StoreAnswer::Kind::kDone);
}

StoreAnswer RecordTable::next(Space space, std::uint64_t from, base::TimePoint now) {
  drop_ended(now);
  StoreAnswer result = answer(StoreAnswer::Kind::kDone);
  for (const auto& [key, record] : records_) {
    const bool is_lower = result.revision.is_absent() || record.number < result.revision.number;
    if (key.first != space || record.number < from || !is_lower) continue;
    result.revision.number = record.number;
    result.name = key.second;
    result.value = record.value;
    if (times_.of(space) != base::Duration::zero()) result.ends_in = record.end - now;
  }
  return result;
}

void RecordTable::clear() {
  records_.clear();
  changes_.clear();
  for (auto& ends : ends_) ends.clear();
  life_ = StoreLife::kNone;
}

void RecordTable::fail_over(base::Duration lag, base::TimePoint now) {
  for (; !changes_.empty() && changes_.back().at > now - lag; changes_.pop_back()) {
    Change& change = changes_.back();
    if (change.before) {
      records_[change.key] = std::move(*change.before);
    } else {
      records_.erase(change.key);
    }
  }
  changes_.clear();
  life_ = StoreLife::kNone;
}

// Drawn when it is wanted: simulations without a store keep their chance.
StoreLife RecordTable::life() {
  if (life_ == StoreLife::kNone) life_ = static_cast<StoreLife>(draw());
  return life_;
}

std::uint64_t RecordTable::draw() {
  for (;;) {
    if (const std::uint64_t number = random_.next(); number != 0) return number;
  }
}

// A record that was written again has a later end, and another number.
void RecordTable::drop_ended(base::TimePoint now) {
  for (auto& ends : ends_) {
    for (; !ends.empty() && ends.front().at <= now; ends.pop_front()) {
      if (number_of(ends.front().key) == ends.front().number) records_.erase(ends.front().key);
    }
  }
}

void RecordTable::remember(const Key& key, base::TimePoint now) {
  while (!changes_.empty() && changes_.front().at <= now - memory_) changes_.pop_front();
  if (memory_ == base::Duration::zero()) return;
  const auto found = records_.find(key);
  changes_.push_back({now, key, std::nullopt});
  if (found != records_.end()) changes_.back().before = found->second;
}

std::uint64_t RecordTable::number_of(const Key& key) const {
  const auto found = records_.find(key);
  return found == records_.end() ? 0 : found->second.number;
}

StoreAnswer RecordTable::answer(StoreAnswer::Kind kind, std::uint64_t number) {
  return {kind, life(), {number, 0}, {}};
}

}  // namespace mr::cluster::memory
