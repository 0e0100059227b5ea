#include "observability/line_buffer.h"

#include <utility>

namespace mr::observability {

bool LineBuffer::put(std::string line) {
  const std::lock_guard lock(mutex_);
  if (lines_.size() >= lines_max_ || bytes_ + line.size() > kBytesMax) {
    dropped_.fetch_add(1, std::memory_order_relaxed);
    return !std::exchange(told_, true);
  }
  bytes_ += line.size();
  lines_.push_back(std::move(line));
  return !std::exchange(told_, true);
}

std::vector<std::string> LineBuffer::take() {
  const std::lock_guard lock(mutex_);
  told_ = false;
  bytes_ = 0;
  return std::exchange(lines_, {});
}

}  // namespace mr::observability
