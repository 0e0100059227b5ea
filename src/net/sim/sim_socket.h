#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>

#include "net/loop.h"

namespace mr::net::sim {

class SimLoop;

struct SimListener {
  SimLoop* loop = nullptr;
  AcceptEvents* events = nullptr;
  std::string host;
  std::uint16_t port = 0;
  bool reuse_port = false;
};

// What travels in one direction, in order.
struct SimSegment {
  enum class Kind : std::uint8_t { kBytes, kEnd, kReset } kind = Kind::kBytes;
  std::string bytes{};
  base::TimePoint arrives{};
};

// One end of a connection. The loop's table, the events under way and the open peer share it.
struct SimSocket : std::enable_shared_from_this<SimSocket> {
  SimLoop* loop = nullptr;  // null: closed, or its node is gone
  std::uint32_t slot = UINT32_MAX;
  SocketEvents* events = nullptr;
  std::string host;  // its own
  std::uint16_t port = 0;
  std::weak_ptr<SimSocket> peer;
  std::shared_ptr<SimSocket> keeps_peer;  // until this end is closed

  std::deque<SimSegment> incoming;  // still in the network
  std::size_t incoming_bytes = 0;
  std::string buffer;  // received and not read, from buffer_read on
  std::size_t buffer_read = 0;
  base::TimePoint last_arrival{};  // keeps the order of what is sent to this end
  base::TimePoint held_since{};    // of the first segment that a fault keeps back

  bool established = false;
  bool end_received = false;
  bool end_sent = false;
  bool over_loopback = false;
  bool edge = false;     // its loop has it on the list of reports
  bool pumping = false;  // an arrival is scheduled
  bool broken = false;   // reset, or never connected
  bool blocked = false;  // a write was refused: an edge follows
  bool stalled = false;
  bool cut = false;

  std::size_t unread() const { return buffer.size() - buffer_read; }
  // What counts against the sender's buffer.
  std::size_t held_bytes() const { return incoming_bytes + unread(); }
};

}  // namespace mr::net::sim
