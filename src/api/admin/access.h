#pragma once

#include <cstdint>
#include <string_view>

#include "http/request.h"

namespace mr::api {

enum class Access : std::uint8_t {
  kGranted,
  kTokenNeeded,  // neither loopback nor a token
  kTokenWrong,   // a token was given and is not ours, or none is configured
  kForeignHost,  // loopback, but a browser or proxy speaks for somebody else
};

// Who may use /admin/*: whoever names the token, and without an Authorization header a loopback
// peer. A loopback peer that forwards for others (Forwarded, X-Forwarded-For, X-Real-IP) or whose
// Host is not a loopback name (a web page that had its name point here, DNS rebinding) needs the
// token. An empty token is never right. The comparison takes constant time.
Access check_access(const http::Request& request, std::string_view token);

// A sentence with the remedy, for the answer; empty for kGranted.
std::string_view explain(Access access);

// "localhost", "127.0.0.1:9601", "[::1]": a Host value that only this machine can mean.
bool is_loopback_host(std::string_view host);

}  // namespace mr::api
