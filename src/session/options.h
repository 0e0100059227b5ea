#pragma once

#include <cstddef>
#include <cstdint>

#include "base/clock.h"

namespace mr::session {

struct Options {
  base::Duration activity_timeout = std::chrono::seconds(120);  // announced; silence before a ping
  base::Duration pong_timeout = std::chrono::seconds(30);       // then closed with 4201
  base::Duration user_authentication_timeout = std::chrono::seconds(3600);  // 4009; 0: never
  base::Duration idle_timeout = std::chrono::seconds(0);   // no client frame: 4202; 0: never
  base::Duration max_duration = std::chrono::seconds(0);   // of a connection: 4200; 0: never
  base::Duration close_timeout = std::chrono::seconds(5);  // wait for the peer's close frame
  std::size_t message_bytes_max = 64 * 1024;               // one client message
  std::uint32_t max_connections = 0;                       // per node; 0: no limit; then 4100
  bool conformance_echo = false;                           // opens /echo
};

}  // namespace mr::session
