#pragma once

#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace mr::net {

// A socket of one loop: the descriptor in production, a slot in simulation. Never crosses loops.
enum class SocketHandle : std::uint32_t { kNone = UINT32_MAX };
enum class ListenerHandle : std::uint32_t { kNone = UINT32_MAX };
enum class TimerId : std::uint64_t { kNone = 0 };

enum class IoStatus : std::uint8_t {
  kOk,       // `bytes` > 0 were moved (a short write is kOk; the next one says kBlocked)
  kBlocked,  // nothing now; an edge (on_ready) follows
  kClosed,   // peer closed (read of 0) or reset; close() the handle
};

struct IoResult {
  IoStatus status = IoStatus::kClosed;
  std::size_t bytes = 0;
  // Of a read: the socket was emptied. What comes later is reported; an end that Ready told is not.
  bool is_drained = false;
};

struct Ready {
  bool readable = false;
  bool writable = false;
  bool hangup = false;  // the peer is gone in both directions, or connect() failed
  bool ended = false;   // the peer sends no more: read until kClosed
};

// Numeric address and port; names are resolved on the worker before they come here.
struct Address {
  std::string host;  // "127.0.0.1", "::1", "0.0.0.0"
  std::uint16_t port = 0;
};

// A peer's address in 18 bytes (IPv4 mapped into IPv6).
struct PeerAddress {
  std::array<std::uint8_t, 16> ip{};
  std::uint16_t port = 0;
  std::string to_string() const;  // without the port
  bool is_loopback() const;
};

}  // namespace mr::net
