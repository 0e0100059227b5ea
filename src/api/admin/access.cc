#include "api/admin/access.h"

#include <algorithm>
#include <cctype>

#include "crypto/encoding.h"

namespace mr::api {
namespace {

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    return std::tolower(static_cast<unsigned char>(x)) ==
           std::tolower(static_cast<unsigned char>(y));
  });
}

// RFC 6750 2.1; the scheme's case does not matter (RFC 9110 11.1).
bool names_token(std::string_view authorization, std::string_view token) {
  constexpr std::string_view kScheme = "Bearer ";
  if (token.empty() || authorization.size() < kScheme.size()) return false;
  if (!equal_ignoring_case(authorization.substr(0, kScheme.size()), kScheme)) return false;
  authorization.remove_prefix(kScheme.size());
  const auto first = authorization.find_first_not_of(' ');
  if (first == authorization.npos) return false;
  return crypto::equal_constant_time(authorization.substr(first), token);
}

bool speaks_for_others(const http::Request& request) {
  for (const std::string_view name : {"forwarded", "x-forwarded-for", "x-real-ip"}) {
    if (request.header(name) != nullptr) return true;
  }
  const std::string* host = request.header("host");
  return host != nullptr && !is_loopback_host(*host);
}

}  // namespace

bool is_loopback_host(std::string_view host) {
  if (host.starts_with('[')) {
    const auto end = host.find(']');
    return end != host.npos && host.substr(0, end + 1) == "[::1]";
  }
  const std::string_view name = host.substr(0, host.find(':'));
  if (equal_ignoring_case(name, "localhost")) return true;
  // Only digits and dots: "127.0.0.1.example.com" is somebody's name.
  return name.starts_with("127.") && name.find_first_not_of("0123456789.") == name.npos;
}

Access check_access(const http::Request& request, std::string_view token) {
  if (const std::string* authorization = request.header("authorization")) {
    return names_token(*authorization, token) ? Access::kGranted : Access::kTokenWrong;
  }
  if (!request.peer.is_loopback()) return Access::kTokenNeeded;
  return speaks_for_others(request) ? Access::kForeignHost : Access::kGranted;
}

std::string_view explain(Access access) {
  switch (access) {
    case Access::kGranted:
      return "";
    case Access::kTokenNeeded:
      return "/admin answers other machines only with admin.token; send Authorization: Bearer "
             "<admin.token>, or call it from this machine";
    case Access::kTokenWrong:
      return "the Authorization header does not hold admin.token; send Authorization: Bearer "
             "<admin.token> as it is configured on this node";
    case Access::kForeignHost:
      return "/admin without a token answers only direct calls to a loopback name; call "
             "http://127.0.0.1 without a proxy, or send Authorization: Bearer <admin.token>";
  }
  return "";
}

}  // namespace mr::api
