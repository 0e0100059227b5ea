#pragma once

#include <cstddef>
#include <cstdint>

#include "base/clock.h"

namespace mr::http {

struct Options {
  std::size_t header_bytes_max = 16 * 1024;  // request line and headers; 431 beyond
  std::size_t body_bytes_max = 10 << 20;     // 413 beyond, before buffering
  std::size_t body_budget = 64 << 20;  // of all bodies that are coming in; at least one may come
  base::Duration header_timeout = std::chrono::seconds(10);  // from the first byte or the accept
  base::Duration body_timeout = std::chrono::seconds(30);
  base::Duration keep_alive_timeout = std::chrono::seconds(75);
  std::uint32_t pipeline_max = 64;         // requests in flight on one connection
  std::uint32_t connections_max = 20'000;  // not upgraded, per loop; 503 beyond
};

}  // namespace mr::http
