#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "net/types.h"

namespace mr::http {

// The methods that a route can be made for; any other method is answered 501 by the parser.
enum class Method : std::uint8_t { kGet, kHead, kPost, kPut, kPatch, kDelete, kOptions };

std::string_view to_text(Method method);

struct Header {
  std::string name;   // lowercase
  std::string value;  // without surrounding white space
};

// The first header of that (lowercase) name, or null.
const std::string* find_header(const std::vector<Header>& headers, std::string_view name);

// True when the comma-separated list in `value` holds `token` (ASCII case ignored).
bool has_token(std::string_view value, std::string_view token);

// One complete request, trailers dropped, chunks joined. A value: belongs to whoever holds it.
struct Request {
  Method method = Method::kGet;
  std::string method_text;
  std::string target;  // as sent
  std::string path;    // raw (still percent-encoded), of an absolute target without its authority
  std::string query;   // raw, without '?'
  std::vector<Header> headers;
  std::string body;
  net::PeerAddress peer;   // set by the connection
  std::uint8_t minor = 1;  // of HTTP/1.x
  bool keep_alive = true;

  const std::string* header(std::string_view name) const { return find_header(headers, name); }
  // RFC 6455 4.2.1 and RFC 9110 7.8: Connection has "upgrade" and Upgrade has "websocket".
  bool is_websocket_upgrade() const;
};

}  // namespace mr::http
