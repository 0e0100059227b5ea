// Messages that every node, this one included, takes in the broker's order.

#include <algorithm>
#include <utility>

#include "base/planted.h"
#include "cluster/relay.h"

namespace mr::cluster {
namespace {

constexpr base::Duration kReturn = std::chrono::seconds(2);  // until the sender is told that
constexpr std::size_t kAwaitedMax = 4096;                    // of one partition

}  // namespace

// It comes back only where it is heard: the partition is wanted, and its subscription confirmed,
// before it goes out.
void Relay::publish_ordered(std::uint32_t partition, EventMessage message, OnReturned done) {
  message.is_ordered = true;
  Part::Awaited awaited{0, loop_.clock().now() + kReturn, std::move(done)};
  if (may_send()) {
    return enter(partition, [this, partition, message = std::move(message),
                             awaited = std::move(awaited)]() mutable {
      send_ordered(partition, std::move(message), std::move(awaited));
    });
  }
  ++counters_.ordered_refused;
  awaited.done(std::nullopt);
}

void Relay::send_ordered(std::uint32_t partition, EventMessage message, Part::Awaited awaited) {
  Part& part = want(partition);
  const bool is_heard = is_up() && part.state == Part::State::kOn && !part.is_deaf;
  if (!is_heard || awaited.due <= loop_.clock().now() || part.awaited.size() >= kAwaitedMax) {
    ++counters_.ordered_refused;
    return awaited.done(std::nullopt);
  }
  if (MR_PLANTED("ordered_at_once")) events_.on_message(self_, message);
  awaited.number = number_and_send(partition, std::move(message));
  part.awaited.push_back(std::move(awaited));
}

// What it passes was lost on the way; who waits for it has been told when the time is over.
void Relay::hear_ordered(Part& part, EventMessage message) {
  if (MR_PLANTED("ordered_at_once")) return;
  while (!part.awaited.empty() && part.awaited.front().number <= message.sequence) {
    Part::Awaited awaited = std::move(part.awaited.front());
    part.awaited.pop_front();
    if (awaited.number == message.sequence) {
      ++counters_.ordered;
      return awaited.done(std::move(message));
    }
    ++counters_.ordered_unanswered;
    awaited.done(std::nullopt);
  }
  events_.on_message(self_, std::move(message));
}

// What was sent and has not come back is kept nowhere yet.
void Relay::behind_awaited(std::uint32_t partition, base::Task task) {
  Part* const part = find(partition);
  if (part == nullptr || part->awaited.empty()) return task();
  OnReturned& last = part->awaited.back().done;
  last = [done = std::move(last),
          task = std::move(task)](std::optional<EventMessage> message) mutable {
    done(std::move(message));
    task();
  };
}

void Relay::give_up_awaited(Part& part) {
  for (Part::Awaited& awaited : std::exchange(part.awaited, {})) {
    ++counters_.ordered_unanswered;
    awaited.done(std::nullopt);
  }
}

void Relay::check_due_awaited(Part& part) {
  const base::TimePoint now = loop_.clock().now();
  while (!part.awaited.empty() && part.awaited.front().due <= now) {
    Part::Awaited awaited = std::move(part.awaited.front());
    part.awaited.pop_front();
    ++counters_.ordered_unanswered;
    awaited.done(std::nullopt);
  }
}

// Whoever is subscribed here had the others before they were sent.
void Relay::miss_own(const Gap& gap) {
  GapAnswer lost = outbox_.find_ordered(gap);
  if (!lost.is_complete) return report_unknown(gap.partition);
  if (lost.hits.empty()) return;
  GapReport report{gap.partition, loop_.clock().now(), true, std::move(lost.hits)};
  for (const GapAnswer::Hit& hit : report.hits) counters_.missed += hit.count;
  events_.on_gap(report);
}

}  // namespace mr::cluster
