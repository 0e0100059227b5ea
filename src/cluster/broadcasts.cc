#include "cluster/broadcasts.h"

#include <algorithm>

namespace mr::cluster {

std::size_t Broadcasts::bytes_of(const BroadcastMessage& message) {
  return sizeof(message) + message.event.size() + message.data.size();
}

void Broadcasts::enqueue(BroadcastMessage message) {
  message.number = ++given_;
  queued_bytes_ += bytes_of(message);
  queue_.push_back(std::move(message));
  while (queued_bytes_ > bytes_max_ && queue_.size() > 1) {
    queued_bytes_ -= bytes_of(queue_.front());
    queue_.pop_front();
    ++counters_.dropped;
  }
}

std::optional<BroadcastMessage> Broadcasts::next() {
  if (queue_.empty()) return std::nullopt;
  std::optional<BroadcastMessage> message(std::move(queue_.front()));
  queue_.pop_front();
  queued_bytes_ = queue_.empty() ? 0 : queued_bytes_ - bytes_of(*message);
  ++counters_.sent;
  return message;
}

void Broadcasts::begin(BootId boot) {
  if (std::ranges::find(last_, boot, &std::pair<BootId, std::uint64_t>::first) == last_.end()) {
    last_.emplace_back(boot, 0);
  }
}

bool Broadcasts::hear(BootId from, std::uint64_t number) {
  const auto known = std::ranges::find(last_, from, &std::pair<BootId, std::uint64_t>::first);
  if (known == last_.end()) {
    last_.emplace_back(from, number);
    ++counters_.heard;
    return true;
  }
  if (number <= known->second) return false;
  counters_.missed += number - known->second - 1;
  known->second = number;
  ++counters_.heard;
  return true;
}

void Broadcasts::forget(BootId boot) {
  std::erase_if(last_, [boot](const auto& known) { return known.first == boot; });
}

}  // namespace mr::cluster
