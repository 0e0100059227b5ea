#pragma once

#include <string>

#include "api/options.h"
#include "http/request.h"
#include "http/response.h"

namespace mr::api {

// Cross-origin headers (Fetch standard). Pure.
class Cors {
 public:
  explicit Cors(CorsOptions options);

  // The answer to OPTIONS, on any path: pages ask before they know whether it exists.
  http::Response preflight(const http::Request& request) const;
  // Adds what lets the page of the request's origin read the answer; nothing without an origin.
  void allow(const http::Request& request, http::Response& response) const;

 private:
  CorsOptions options_;
  bool allows_any_ = false;
  std::string methods_;
  std::string headers_;
};

}  // namespace mr::api
