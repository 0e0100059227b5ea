#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "hub/tracks.h"
#include "hub/types.h"

namespace mr::hub {

// Changes of tracks while one write is put together. A later frame of the same write is chosen
// from the state that the earlier ones leave; of the frames that the socket does not take, the
// changes are taken back.
class Journal {
 public:
  Journal(Tracks& tracks, std::uint32_t behind_slots_max)
      : tracks_(tracks), behind_slots_max_(behind_slots_max) {}

  // Changes of a part that is certain to be passed, whatever the socket takes.
  static constexpr std::size_t kCertain = SIZE_MAX;

  // The chain's newest message was left out; above the bound one number says so for all chains.
  void leave_out(std::size_t part, SubscriptionId id, const model::Message& message);
  // A full frame was chosen.
  void give_full(std::size_t part, SubscriptionId id, const model::ChainEntry& entry);
  // The next mark of the subscription takes effect.
  void pass_mark(std::size_t part, SubscriptionId id);

  // Takes back what belongs to this part and to those behind it; the rest is final.
  void settle(std::size_t first_not_taken) {
    if (!changes_.empty()) settle_changes(first_not_taken);
  }

 private:
  struct Change {
    std::size_t part = 0;
    SubscriptionId subscription = kNone;
    std::uint32_t slot = kNone;  // kNone: the whole track is restored
    bool was_behind = false;
    std::uint64_t joined = 0;
    std::unique_ptr<Track::Behind> behind;
    std::uint32_t filter = 0;
    std::uint32_t next_mark = 0;
    std::uint16_t pending = 0;
  };

  void set_behind(std::size_t part, SubscriptionId id, std::uint32_t slot, bool value);
  void join(std::size_t part, SubscriptionId id, std::uint64_t number);
  void take_back(Change& change);
  void settle_changes(std::size_t first_not_taken);

  Tracks& tracks_;
  const std::uint32_t behind_slots_max_;
  std::vector<Change> changes_;
};

}  // namespace mr::hub
