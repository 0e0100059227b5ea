#include "channel/cache_reads.h"

#include <vector>

namespace mr::channel {

void CacheReads::behind_read(const std::string& key, base::Task task) {
  const auto [found, is_new] = turns_.try_emplace(key);
  Turn& turn = found->second;
  if (is_new) {
    turn.current.push_back(std::move(task));
    return read(key);
  }
  turn.next.push_back(std::move(task));
  turn.is_wanted_again = true;
}

void CacheReads::follow(const std::string& key, base::Task task) {
  const auto found = turns_.find(key);
  if (found == turns_.end()) return task();
  found->second.next.push_back(std::move(task));
}

void CacheReads::read(const std::string& key) {
  ++reads_;
  read_(key, [this, key] { on_read(key); });
}

// What runs may ask for the same channel again: its turn is the next one.
void CacheReads::on_read(const std::string& key) {
  Turn& turn = turns_.at(key);
  while (!turn.current.empty()) {
    base::Task task = std::move(turn.current.front());
    turn.current.pop_front();
    task();
  }
  turn.current = std::exchange(turn.next, {});
  if (std::exchange(turn.is_wanted_again, false)) return read(key);
  if (!turn.current.empty()) return on_read(key);
  turns_.erase(key);
}

void CacheReads::read_again(std::uint32_t partition) {
  std::vector<std::string> keys;
  for (auto at = occupied_.lower_bound({partition, {}});
       at != occupied_.end() && at->first == partition; ++at) {
    keys.push_back(at->second);
  }
  for (const std::string& key : keys) behind_read(key, [] {});
}

}  // namespace mr::channel
