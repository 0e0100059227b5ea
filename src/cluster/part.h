#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "base/function.h"
#include "cluster/messages.h"
#include "cluster/types.h"

namespace mr::cluster {

// With the message, which is to be delivered now; with nothing when it was refused, or did not come
// back in time. Then it may still come, as a message of another node does.
using OnReturned = base::Function<void(std::optional<EventMessage>)>;

// A bus partition that this node wants, as its Relay sees it. It lives from the first join until
// nobody has wanted it for a while.
struct Part {
  enum class State : std::uint8_t {
    kAsked,    // the broker has not confirmed the subscription yet
    kMarking,  // it has; each live node is asked where it is
    kOn,       // what was sent before is known, what comes is heard
  };

  // One origin on this partition.
  struct Origin {
    BootId boot = BootId::kNone;
    bool is_known = false;   // `last` is its baseline or newer
    bool is_unsure = false;  // its marker never came: what was missed before cannot be counted
    std::uint64_t last = 0;  // the highest number heard, or counted as missed
  };
  // A tail that a heartbeat told of; its messages may still be on their way.
  struct Tail {
    BootId boot = BootId::kNone;
    std::uint64_t number = 0;
    base::TimePoint due{};
  };

  // A message of ours that nobody has before it comes back.
  struct Awaited {
    std::uint64_t number = 0;
    base::TimePoint due{};
    OnReturned done;
  };

  explicit Part(std::uint32_t partition) : number(partition) {}

  Origin& origin(BootId boot) {
    for (Origin& known : origins) {
      if (known.boot == boot) return known;
    }
    Origin& made = origins.emplace_back();
    made.boot = boot;
    return made;
  }
  // Whether what it misses is missed by somebody.
  bool is_served() const { return on_since.has_value() || is_offline; }
  bool is_wanted() const { return occupants > 0 || !gate.empty() || !awaited.empty(); }

  const std::uint32_t number;
  State state = State::kAsked;
  Generation generation = Generation::kNone;
  bool is_offline = false;  // served without the broker's word
  bool is_deaf = false;     // a probe stayed unanswered
  std::uint32_t occupants = 0;
  base::TimePoint asked{};
  base::TimePoint heard{};
  std::optional<base::TimePoint> interrupted;  // its shard is away, the broker is there
  std::optional<base::TimePoint> on_since;
  std::optional<base::TimePoint> probed;
  std::optional<base::TimePoint> idle_since;
  std::vector<BootId> waiting;  // for the markers of these
  std::vector<Origin> origins;
  std::vector<Tail> tails;
  std::deque<Awaited> awaited;  // by rising number
  std::deque<base::Task> gate;  // what waits until it is on, in order
};

}  // namespace mr::cluster
