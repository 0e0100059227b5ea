#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "http/request.h"

namespace mr::ws {

// Why an upgrade request is refused (RFC 6455 4.2.1).
enum class HandshakeErrc : std::uint8_t {
  kMethod,       // not GET
  kHttpVersion,  // before HTTP/1.1
  kNotUpgrade,   // Upgrade or Connection do not ask for websocket
  kVersion,      // not 13: the answer must carry "Sec-WebSocket-Version: 13"
  kKey,          // missing, or not the base64 of 16 bytes
};

// 405 for kMethod, 426 for kNotUpgrade and kVersion, else 400.
int http_status(HandshakeErrc error);

// The complete 101 response. No extension and no subprotocol is ever accepted. The Origin is the
// caller's business. An error's detail is fit for the response body.
base::Result<std::string, HandshakeErrc> accept_handshake(const http::Request& request);

// The value of Sec-WebSocket-Accept for a key.
std::string accept_value(std::string_view key);

// The upgrade request of a client; `key` is the base64 of 16 random bytes, `host` with the port.
std::string client_handshake(std::string_view host, std::string_view target, std::string_view key);

// Whether a server's Sec-WebSocket-Accept answers `key`.
bool check_accept(std::string_view key, std::string_view accept);

}  // namespace mr::ws
