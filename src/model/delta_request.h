#pragma once

#include <cstdint>
#include <optional>

#include "model/delta_algorithm.h"

namespace mr::model {

// What the synchronisation at the start of a delta subscription holds.
enum class CacheSync : std::uint8_t {
  kEmpty,  // nothing: the first message of each chain is full
  kBases,  // the last message of every chain
};

// What a client asks for its whole connection (`enable_delta_compression`).
struct DeltaSwitch {
  bool enabled = true;
  std::optional<DeltaOffer> offer = std::nullopt;  // absent: it takes the server's choice
  bool crc = false;  // VCDIFF frames carry the CRC-32 of the rebuilt text
  std::optional<CacheSync> cache_sync = std::nullopt;

  bool operator==(const DeltaSwitch&) const = default;
};

// What a client asks for one subscription (`delta` of subscribe).
struct DeltaWish {
  bool enabled = true;
  std::optional<DeltaAlgorithm> algorithm = std::nullopt;  // absent: the server's choice
  std::optional<bool> crc = std::nullopt;                  // absent: as the connection
  std::optional<CacheSync> cache_sync = std::nullopt;

  bool operator==(const DeltaWish&) const = default;
};

}  // namespace mr::model
