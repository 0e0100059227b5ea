#include "base/kept.h"

#include <mutex>
#include <utility>
#include <vector>

namespace mr::base {

void keep_for_ever(std::shared_ptr<void> object) {
  static std::mutex mutex;
  // Not destroyed at the end: other threads may still run then.
  static auto& kept = *new std::vector<std::shared_ptr<void>>;
  const std::lock_guard lock(mutex);
  kept.push_back(std::move(object));
}

}  // namespace mr::base
