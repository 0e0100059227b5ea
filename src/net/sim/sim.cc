#include "net/sim/sim.h"

#include <algorithm>

namespace mr::net::sim {
namespace {
constexpr std::uint64_t kIterationMaxUs = 20;
}

Sim::Sim(std::uint64_t seed) : random_(seed) {}

bool Sim::step() { return step_before(base::TimePoint::max()); }

void Sim::run_for(base::Duration duration) {
  const base::TimePoint end = clock_.now() + duration;
  while (clock_.now() < end && step_before(end)) {
  }
  clock_.advance_to(end);
}

bool Sim::run_until(base::Function<bool()> predicate, base::Duration limit) {
  const base::TimePoint end = clock_.now() + limit;
  while (!predicate()) {
    if (clock_.now() < end && step_before(end)) continue;
    clock_.advance_to(end);
    return predicate();
  }
  return true;
}

bool Sim::step_before(base::TimePoint end) {
  MR_ASSERT(!stepping_, "step from inside a loop");
  bool worked = run_events();
  Stepped* loop = choose();
  if (loop == nullptr && !worked) {
    const base::TimePoint next = next_event();
    if (next == base::TimePoint::max() || next > end) return false;
    clock_.advance_to(next);
    run_events();
    loop = choose();
  }
  if (loop != nullptr) {
    current_ = loop;
    stepping_ = true;
    loop->iterate();
    stepping_ = false;
    current_ = nullptr;
    const auto cost = std::chrono::microseconds(1 + random_.below(kIterationMaxUs));
    clock_.advance_to(clock_.now() + cost);
  }
  return true;
}

bool Sim::run_events() {
  bool worked = false;
  stepping_ = true;
  while (!events_.empty() && events_.begin()->first.first <= clock_.now()) {
    auto event = events_.extract(events_.begin());
    event.mapped()();
    worked = true;
  }
  stepping_ = false;
  return worked;
}

Stepped* Sim::choose() {
  std::vector<Stepped*> runnable;
  for (Stepped* loop : loops_) {
    if (loop->is_runnable()) runnable.push_back(loop);
  }
  if (runnable.empty()) return nullptr;
  return runnable[random_.below(runnable.size())];
}

base::TimePoint Sim::next_event() {
  base::TimePoint next = base::TimePoint::max();
  if (!events_.empty()) next = events_.begin()->first.first;
  for (Stepped* loop : loops_) next = std::min(next, loop->next_timer());
  return next;
}

void Sim::at(base::TimePoint time, base::Task task) {
  events_.emplace(std::pair(time, next_event_++), std::move(task));
}

void Sim::note(std::uint64_t who, std::uint64_t what, std::uint64_t size) {
  const auto time = static_cast<std::uint64_t>(clock_.now().time_since_epoch().count());
  for (const std::uint64_t word : {who, what, size, time}) {
    for (int shift = 0; shift < 64; shift += 8) {  // FNV-1a
      hash_ = (hash_ ^ ((word >> shift) & 0xff)) * 1099511628211U;
    }
  }
}

std::uint32_t Sim::join(Stepped& loop) {
  loops_.push_back(&loop);
  return next_id_++;
}

void Sim::leave(Stepped& loop) { std::erase(loops_, &loop); }

}  // namespace mr::net::sim
