#pragma once

#include <cstdint>
#include <string>

#include "base/flat_map.h"

namespace mr::channel {

// Counts of what is limited per app, per user or per node, homed by their name like channels are.
// A name exists only while something is held under it.
class Quota {
 public:
  explicit Quota(std::uint64_t hash_seed) : held_(0, base::TextHash{hash_seed}) {}

  // False when `limit` (not 0) are held already.
  bool acquire(const std::string& name, std::uint32_t limit) {
    std::uint32_t& held = held_[name];
    if (limit != 0 && held >= limit) return false;
    ++held;
    return true;
  }
  void release(const std::string& name) {
    const auto found = held_.find(name);
    if (found != held_.end() && --found->second == 0) held_.erase(found);
  }
  std::uint32_t held(const std::string& name) const {
    const auto found = held_.find(name);
    return found == held_.end() ? 0 : found->second;
  }
  std::size_t size() const { return held_.size(); }

 private:
  base::TextMap<std::uint32_t> held_;
};

}  // namespace mr::channel
