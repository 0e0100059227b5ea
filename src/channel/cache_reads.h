#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "base/function.h"

namespace mr::channel {

// What waits until the newest cached event of its channel was read: joins, and what must not
// overtake them. One read under way per channel; who comes meanwhile waits for the next one, so
// that nobody gets what was read before he asked. Home loop only.
class CacheReads {
 public:
  // Reads the channel's newest event and keeps it; then `done`, possibly inside the call.
  using Read = base::Function<void(const std::string& key, base::Task done)>;
  explicit CacheReads(Read read) : read_(std::move(read)) {}

  // Runs `task` when a read that began after this call has ended, in the order of the calls.
  void behind_read(const std::string& key, base::Task task);
  // Runs `task` behind all that wait for this channel; at once as a rule.
  void follow(const std::string& key, base::Task task);

  // A cache channel has its first subscriber here, or none any more.
  void occupy(std::uint32_t partition, const std::string& key) {
    occupied_.insert({partition, key});
  }
  void vacate(std::uint32_t partition, const std::string& key) {
    occupied_.erase({partition, key});
  }
  // Messages of the partition may have been missed: reads all its occupied channels.
  void read_again(std::uint32_t partition);

  std::uint64_t reads() const { return reads_; }

 private:
  struct Turn {
    std::deque<base::Task> current;  // behind the read that is under way
    std::deque<base::Task> next;
    bool is_wanted_again = false;
  };
  void read(const std::string& key);
  void on_read(const std::string& key);

  Read read_;
  std::map<std::string, Turn> turns_;
  std::set<std::pair<std::uint32_t, std::string>> occupied_;
  std::uint64_t reads_ = 0;
};

}  // namespace mr::channel
