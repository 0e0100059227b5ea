#pragma once

#include <cstdint>
#include <vector>

namespace mr::hub {

// Frames of chains that were written, of the channels with one label.
struct ChainedFrames {
  std::uint64_t fulls = 0;
  std::uint64_t deltas = 0;
  std::uint64_t plain_bytes = 0;  // what they would have been without deltas
  std::uint64_t bytes = 0;
};

// Of one loop; read at scrape on that loop.
struct Counters {
  std::uint64_t appended = 0;        // messages that arrived for this loop's subscribers
  std::uint64_t frames_written = 0;  // channel frames handed to the kernel
  std::uint64_t writes = 0;
  std::uint64_t bytes_written = 0;
  std::uint64_t excluded = 0;          // entries passed over for their sender
  std::uint64_t filtered = 0;          // entries that a subscriber's filter hid
  std::uint64_t deltas_written = 0;    // of frames_written
  std::uint64_t fulls_written = 0;     // of frames_written: numbered, not plain
  std::uint64_t blocked = 0;           // times a socket took no more
  std::uint64_t dropped_slow = 0;      // frames dropped by policy drop_oldest
  std::uint64_t closed_slow = 0;       // outlets over their bound by policy close
  std::uint64_t logs_full = 0;         // times a channel's log reached its bound
  std::uint64_t replies_refused = 0;   // the reserve for replies was full
  std::vector<ChainedFrames> chained;  // by ChainEntry::label
};

}  // namespace mr::hub
