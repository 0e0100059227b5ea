#include "session/gap_listeners.h"

#include <algorithm>

namespace mr::session {
namespace {

bool is_same(SessionRef a, SessionRef b) {
  return a.slot == b.slot && a.generation == b.generation;
}

}  // namespace

void GapListeners::add(const std::string& key, std::uint32_t partition, SessionRef ref,
                       base::TimePoint since) {
  Channel& channel = channels_[key];
  channel.partition = partition;
  const bool is_there = std::ranges::any_of(
      channel.listeners, [ref](const Listener& listener) { return is_same(listener.ref, ref); });
  if (!is_there) channel.listeners.push_back({ref, since});
}

void GapListeners::remove(const std::string& key, SessionRef ref) {
  const auto found = channels_.find(key);
  if (found == channels_.end()) return;
  std::erase_if(found->second.listeners,
                [ref](const Listener& listener) { return is_same(listener.ref, ref); });
  if (found->second.listeners.empty()) channels_.erase(found);
}

void GapListeners::collect(const std::string& key, const Channel& channel, base::TimePoint found,
                           std::vector<Told>& out) {
  for (const Listener& listener : channel.listeners) {
    if (listener.since <= found) out.push_back({key, listener.ref});
  }
}

std::vector<GapListeners::Told> GapListeners::find(const channel::GapNotice& notice) const {
  std::vector<Told> told;
  if (!notice.key.empty()) {
    const auto found = channels_.find(notice.key);
    if (found != channels_.end()) collect(found->first, found->second, notice.found, told);
    return told;
  }
  for (const auto& [key, channel] : channels_) {
    if (channel.partition == notice.partition) collect(key, channel, notice.found, told);
  }
  return told;
}

}  // namespace mr::session
