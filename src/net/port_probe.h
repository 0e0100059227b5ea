#pragma once

#include "base/result.h"
#include "net/loop.h"

namespace mr::net {

// Binds once without SO_REUSEPORT and lets go again. Called before our own loops listen: their
// shared listeners would not notice a second process on the same port, which then silently took
// half of the clients. kAddressInUse names the address, the port and, as far as the rights
// reach, the process that has it. Port 0 is always free.
base::Result<base::Done, NetErrc> probe_port(const Address& address);

}  // namespace mr::net
