#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/flat_map.h"
#include "channel/loop_port.h"
#include "session/session_ref.h"

namespace mr::session {

// Which subscribers of one loop asked to be told of messages that were lost between nodes.
class GapListeners {
 public:
  explicit GapListeners(std::uint64_t hash_seed) : channels_(0, base::TextHash{hash_seed}) {}

  // `key`: of the channel, which is on this bus partition. From `since` on it is subscribed; who
  // is there already stays.
  void add(const std::string& key, std::uint32_t partition, SessionRef ref, base::TimePoint since);
  void remove(const std::string& key, SessionRef ref);

  struct Told {
    std::string key;
    SessionRef ref;
  };
  // Those who were subscribed when it was found.
  std::vector<Told> find(const channel::GapNotice& notice) const;

 private:
  struct Listener {
    SessionRef ref;
    base::TimePoint since{};
  };
  struct Channel {
    std::uint32_t partition = 0;
    std::vector<Listener> listeners;
  };
  static void collect(const std::string& key, const Channel& channel, base::TimePoint found,
                      std::vector<Told>& out);

  base::TextMap<Channel> channels_;
};

}  // namespace mr::session
