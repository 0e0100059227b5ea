#include "ws/handshake.h"

#include "crypto/digest.h"
#include "crypto/encoding.h"

namespace mr::ws {
namespace {

using base::Error;

constexpr std::string_view kAcceptGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";  // RFC 6455 1.3
constexpr std::size_t kKeyChars = 24;  // base64 of 16 bytes

bool is_base64_char(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
         c == '/';
}

// 22 characters and "==". The four spare bits of the last character are not required to be 0: some
// clients send random ones, and the answer does not depend on the decoded bytes.
bool is_key(std::string_view key) {
  if (key.size() != kKeyChars || !key.ends_with("==")) return false;
  for (char c : key.substr(0, kKeyChars - 2)) {
    if (!is_base64_char(c)) return false;
  }
  return true;
}

// For a response body: printable and short, whatever the peer sent.
std::string quoted(const std::string* value) {
  constexpr std::size_t kShownChars = 32;
  if (value == nullptr) return "missing";
  std::string out = "'";
  for (char c : std::string_view(*value).substr(0, kShownChars)) {
    out.push_back(c >= ' ' && c <= '~' ? c : '?');
  }
  return out + "'";
}

}  // namespace

int http_status(HandshakeErrc error) {
  switch (error) {
    case HandshakeErrc::kMethod:
      return 405;
    case HandshakeErrc::kNotUpgrade:
    case HandshakeErrc::kVersion:
      return 426;
    case HandshakeErrc::kHttpVersion:
    case HandshakeErrc::kKey:
      break;
  }
  return 400;
}

base::Result<std::string, HandshakeErrc> accept_handshake(const http::Request& request) {
  using enum HandshakeErrc;
  if (request.method != http::Method::kGet) {
    return Error<HandshakeErrc>{
        kMethod, "a WebSocket handshake with method " + request.method_text + "; use GET"};
  }
  if (request.minor < 1) {
    return Error<HandshakeErrc>{kHttpVersion, "a WebSocket handshake over HTTP/1.0; use HTTP/1.1"};
  }
  if (!request.is_websocket_upgrade()) {
    return Error<HandshakeErrc>{
        kNotUpgrade, "not a WebSocket handshake; send Connection: Upgrade and Upgrade: websocket"};
  }
  const std::string* version = request.header("sec-websocket-version");
  if (version == nullptr || *version != "13") {
    return Error<HandshakeErrc>{
        kVersion,
        "Sec-WebSocket-Version is " + (version ? "'" + *version + "'" : "missing") + "; send 13"};
  }
  const std::string* key = request.header("sec-websocket-key");
  if (key == nullptr || !is_key(*key)) {
    return Error<HandshakeErrc>{
        kKey, "Sec-WebSocket-Key is " + quoted(key) + "; send 16 random bytes in base64"};
  }
  std::string response =
      "HTTP/1.1 101 Switching Protocols\r\n"
      "Upgrade: websocket\r\n"
      "Connection: Upgrade\r\n"
      "Sec-WebSocket-Accept: ";
  response += accept_value(*key);
  response += "\r\n\r\n";
  return response;
}

std::string accept_value(std::string_view key) {
  std::string text(key);
  text += kAcceptGuid;
  const auto digest = crypto::sha1(text);
  return crypto::base64_encode({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

std::string client_handshake(std::string_view host, std::string_view target, std::string_view key) {
  std::string request = "GET ";
  request.append(target).append(" HTTP/1.1\r\nHost: ").append(host);
  request.append(
      "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13"
      "\r\nSec-WebSocket-Key: ");
  request.append(key).append("\r\n\r\n");
  return request;
}

bool check_accept(std::string_view key, std::string_view accept) {
  return accept_value(key) == accept;
}

}  // namespace mr::ws
