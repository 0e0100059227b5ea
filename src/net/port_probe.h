#pragma once

#include <chrono>
#include <utility>

#include "base/clock.h"
#include "base/result.h"
#include "net/loop.h"

namespace mr::net {

// Held by a process from before it looks whether a port is free until it listens there. Only one
// process of the machine has the claim of a port at a time, so that of two that start together one
// finds the other listening. Ends with the process.
class PortClaim {
 public:
  // Waits for another process that is starting on the port, at most `patience`; kAddressInUse when
  // it takes longer, and when the port is not free (see probe_port()). Port 0 needs no claim.
  static base::Result<PortClaim, NetErrc> take(const Address& address,
                                               base::Duration patience = std::chrono::seconds(10));
  PortClaim(PortClaim&& other) noexcept : socket_(std::exchange(other.socket_, -1)) {}
  PortClaim& operator=(PortClaim&&) = delete;
  ~PortClaim();

 private:
  explicit PortClaim(int socket) : socket_(socket) {}
  int socket_;
};

// Binds once without SO_REUSEPORT and lets go again. Called before our own loops listen: their
// shared listeners would not notice a second process on the same port, which then silently took
// half of the clients. kAddressInUse names the address, the port and, as far as the rights
// reach, the process that has it. Port 0 is always free.
base::Result<base::Done, NetErrc> probe_port(const Address& address);

}  // namespace mr::net
