#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/clock.h"
#include "cluster/node_facts.h"

namespace mr::cluster {

// After a loss of the broker: until the other nodes, which find it at the same time, have
// subscribed again. What waits is sent then.
inline constexpr base::Duration kReturnWait = std::chrono::milliseconds(750);

// How envelopes share a bus message: of this node alone, the others read what comes.
struct BatchOptions {
  bool is_on = true;
  base::Duration interval{};          // that a message may wait; 0: until the loop's iteration ends
  std::uint32_t envelopes_max = 100;  // of one batch
  bool compresses = false;
};

// How this node shares a bus with others; the same in all nodes of a cluster but for `name`
// and `facts`.
struct Options {
  std::string name;                 // of this node; empty: made of the host's name and port
  NodeFacts facts{};                // of this node
  std::string prefix = "millrace";  // before every key and subject
  std::string secret;               // not empty: envelopes are signed, and unsigned ones refused
  std::uint32_t partitions = 1024;
  base::Duration heartbeat = std::chrono::seconds(1);
  base::Duration node_timeout = std::chrono::seconds(5);
  // Between a partition's last subscriber and its end on this node.
  base::Duration linger = std::chrono::seconds(5);
  std::size_t queue_bytes_max = 16 << 20;  // per loop, of envelopes while the broker is away
  // False: while other nodes cannot be reached this one serves its own clients; true: it refuses.
  bool refuses_cut_off = false;
  // Limits that nodes share, while the store is away: nobody is admitted, instead of what this node
  // held last.
  bool refuses_without_store = false;
  BatchOptions batches{};
  std::size_t ring_entries_max = 64 * 1024;  // per loop, remembered to tell which channels lost
};

}  // namespace mr::cluster
