#include "cluster/outbox.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace mr::cluster {

Outbox::Outbox(const Options& options)
    : partitions_(options.partitions),
      queue_bytes_max_(options.queue_bytes_max),
      ring_(options.partitions, options.ring_entries_max),
      waiting_(options.partitions) {}

void Outbox::push(std::size_t priority, Queued queued) {
  queued_bytes_ += queued.envelope.size();
  ++waiting_[queued.partition][priority];
  queues_[priority].push_back(std::move(queued));
}

void Outbox::forget(const Queued& queued, std::size_t priority) {
  queued_bytes_ -= queued.envelope.size();
  --waiting_[queued.partition][priority];
}

bool Outbox::holds(std::uint32_t partition) const {
  return std::ranges::any_of(waiting_[partition], [](std::uint32_t count) { return count > 0; });
}

// What waits of the partition was numbered before: it goes in front of what comes now.
void Outbox::promote(std::uint32_t partition, std::uint8_t priority) {
  for (std::size_t lower = priority; lower-- > 0;) {
    if (waiting_[partition][lower] == 0) continue;
    Queue stays;
    for (Queued& queued : queues_[lower]) {
      Queue& to = queued.partition == partition ? queues_[priority] : stays;
      to.push_back(std::move(queued));
    }
    queues_[lower] = std::move(stays);
    waiting_[partition][priority] += std::exchange(waiting_[partition][lower], 0);
  }
}

void Outbox::enqueue(std::uint32_t partition, std::uint64_t sequence, std::string envelope,
                     std::uint8_t priority) {
  promote(partition, priority);
  push(priority, {partition, sequence, std::move(envelope)});
  for (std::size_t lowest = 0; lowest < queues_.size(); ++lowest) {
    while (queued_bytes_ > queue_bytes_max_ && !queues_[lowest].empty()) {
      forget(queues_[lowest].front(), lowest);
      queues_[lowest].pop_front();
      ++dropped_;
    }
  }
}

void Outbox::drain(base::Function<bool(std::uint32_t, std::string_view)> send) {
  std::vector<bool> is_full(partitions_);
  for (std::size_t priority = queues_.size(); priority-- > 0;) {
    std::erase_if(queues_[priority], [&](const Queued& queued) {
      if (is_full[queued.partition]) return false;
      if (!send(queued.partition, queued.envelope)) {
        is_full[queued.partition] = true;
        return false;
      }
      forget(queued, priority);
      return true;
    });
  }
}

std::uint64_t Outbox::tail(std::uint32_t partition) const {
  for (auto queue = queues_.rbegin(); queue != queues_.rend(); ++queue) {
    const auto first = std::ranges::find(*queue, partition, &Queued::partition);
    if (first != queue->end()) return first->sequence - 1;
  }
  return ring_.tail(partition);
}

Tails Outbox::tails() const {
  Tails tails = ring_.tails();
  if (is_empty()) return tails;
  std::vector<std::uint64_t> first_queued(partitions_);
  for (const Queue& queue : queues_) {
    for (auto queued = queue.rbegin(); queued != queue.rend(); ++queued) {
      first_queued[queued->partition] = queued->sequence;
    }
  }
  for (auto& [partition, tail] : tails) {
    if (first_queued[partition] > 0) tail = first_queued[partition] - 1;
  }
  return tails;
}

}  // namespace mr::cluster
