#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "conformance/case.h"

namespace mr::conformance {

enum class Got : std::uint8_t {
  kBytes,   // something was appended
  kQuiet,   // nothing came while we were patient
  kClosed,  // the peer has closed the stream, nothing more will come
};

// The client's end of an open WebSocket connection, behind its handshake.
class Transport {
 public:
  virtual ~Transport() = default;
  // One piece, kept together as far as the transport can. False: the peer is gone.
  virtual bool send(std::string_view bytes) = 0;
  virtual Got receive(std::string& into, std::chrono::milliseconds patience) = 0;
};

struct Patience {
  std::chrono::milliseconds answer{30'000};  // for an answer that must come
  std::chrono::milliseconds quiet{100};      // for one that must not
};

// Why the peer failed the case; nullopt when it passed.
std::optional<std::string> run_case(const Case& c, Transport& transport, Patience patience = {});

}  // namespace mr::conformance
