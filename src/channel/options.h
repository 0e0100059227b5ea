#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace mr::channel {

struct Options {
  // Makes a wire frame of a text; the WebSocket codec's, given by app/ (channel/ knows no ws/).
  std::string (*text_frame)(std::string_view payload) = nullptr;

  std::uint32_t partitions = 1024;           // bus partitions; home loop = partition modulo loops
  std::size_t fifo_messages_max = 4096;      // accepted and not yet released, per channel
  std::size_t mailbox_bytes_max = 64 << 20;  // a fuller mailbox pauses the release
  base::Duration cache_ttl = std::chrono::minutes(30);
  std::size_t cache_entries_max = 10'000;  // cached events per home loop
  base::Duration idempotency_ttl = std::chrono::seconds(120);
  std::size_t idempotency_entries_max = 100'000;  // per home loop
};

}  // namespace mr::channel
