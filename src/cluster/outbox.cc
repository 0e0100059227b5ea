#include "cluster/outbox.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace mr::cluster {

Outbox::Outbox(const Options& options)
    : partitions_(options.partitions),
      queue_bytes_max_(options.queue_bytes_max),
      ring_(options.partitions, options.ring_entries_max) {}

void Outbox::enqueue(std::uint32_t partition, std::uint64_t sequence, std::string envelope) {
  queued_bytes_ += envelope.size();
  queue_.push_back({partition, sequence, std::move(envelope)});
  while (queued_bytes_ > queue_bytes_max_) {
    queued_bytes_ -= queue_.front().envelope.size();
    queue_.pop_front();
    ++dropped_;
  }
}

void Outbox::drain(base::Function<bool(std::uint32_t, std::string_view)> send) {
  while (!queue_.empty() && send(queue_.front().partition, queue_.front().envelope)) {
    queued_bytes_ -= queue_.front().envelope.size();
    queue_.pop_front();
  }
}

std::uint64_t Outbox::tail(std::uint32_t partition) const {
  const auto first = std::ranges::find(queue_, partition, &Queued::partition);
  return first == queue_.end() ? ring_.tail(partition) : first->sequence - 1;
}

Tails Outbox::tails() const {
  Tails tails = ring_.tails();
  if (queue_.empty()) return tails;
  std::vector<std::uint64_t> first_queued(partitions_);
  for (auto queued = queue_.rbegin(); queued != queue_.rend(); ++queued) {
    first_queued[queued->partition] = queued->sequence;
  }
  for (auto& [partition, tail] : tails) {
    if (first_queued[partition] > 0) tail = first_queued[partition] - 1;
  }
  return tails;
}

}  // namespace mr::cluster
