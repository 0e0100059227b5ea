#include "api/cors.h"

#include <algorithm>
#include <utility>

namespace mr::api {
namespace {

std::string join(const std::vector<std::string>& parts) {
  std::string out;
  for (const std::string& part : parts) {
    if (!out.empty()) out += ", ";
    out += part;
  }
  return out;
}

}  // namespace

Cors::Cors(CorsOptions options)
    : options_(std::move(options)),
      allows_any_(std::find(options_.origin.begin(), options_.origin.end(), "*") !=
                  options_.origin.end()),
      methods_(join(options_.methods)),
      headers_(join(options_.allowed_headers)) {}

http::Response Cors::preflight(const http::Request& request) const {
  http::Response response;
  response.status = 204;
  response.headers.push_back({"Allow", methods_});
  allow(request, response);
  if (response.header("Access-Control-Allow-Origin") != nullptr) {
    response.headers.push_back({"Access-Control-Allow-Methods", methods_});
    response.headers.push_back({"Access-Control-Allow-Headers", headers_});
    response.headers.push_back({"Access-Control-Max-Age", "3600"});
  }
  return response;
}

void Cors::allow(const http::Request& request, http::Response& response) const {
  const std::string* const origin = request.header("origin");
  if (origin == nullptr || options_.origin.empty()) return;
  const bool names_origin = !allows_any_ || options_.credentials;
  if (names_origin) response.headers.push_back({"Vary", "Origin"});
  const bool is_listed =
      std::find(options_.origin.begin(), options_.origin.end(), *origin) != options_.origin.end();
  if (!allows_any_ && !is_listed) return;
  response.headers.push_back({"Access-Control-Allow-Origin", names_origin ? *origin : "*"});
  if (options_.credentials) {
    response.headers.push_back({"Access-Control-Allow-Credentials", "true"});
  }
  response.headers.push_back({"Access-Control-Expose-Headers", "Retry-After"});
}

}  // namespace mr::api
