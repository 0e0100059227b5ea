#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "cluster/envelope.h"

namespace mr::app {

// Where an envelope was seen.
struct EnvelopePlace {
  std::string_view direction;  // "in", "out"
  cluster::Subject subject;
  std::size_t bytes = 0;
  base::WallTime at{};
};

// An envelope as one JSON object for operators. Of an event's data at most so many bytes are
// shown; 0: none. Users' data of presence is never shown.
std::string envelope_json(const EnvelopePlace& place, const cluster::Envelope& envelope,
                          std::size_t payload_bytes_max);
std::string refused_json(const EnvelopePlace& place,
                         const base::Error<cluster::EnvelopeErrc>& error);

// "control", or the number of a bus partition.
std::string to_text(cluster::Subject subject);

}  // namespace mr::app
