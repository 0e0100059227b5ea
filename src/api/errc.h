#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "http/response.h"

namespace mr::api {

// Why a request of the REST API is refused; each has one HTTP status and one slug.
enum class Errc : std::uint8_t {
  kInvalidInput,      // 400: query, JSON, a member, a name
  kLimitExceeded,     // 400: more channels, events or characters than the app allows
  kAuthFailed,        // 401: key, timestamp, MD5 or signature
  kForbidden,         // 403: the app is disabled
  kAppNotFound,       // 404: no app with the id in the path
  kNotFound,          // 404: no such route
  kMethodNotAllowed,  // 405
  kPayloadTooLarge,   // 413
  kRateLimited,       // 429 and Retry-After
  kBackpressure,      // 503 and Retry-After
  kCutOff,            // 503 and Retry-After: other nodes cannot be reached
  kCount,
};

using Error = base::Error<Errc>;

int status_of(Errc code);
std::string_view slug_of(Errc code);

// {"error":text,"code":slug,"status":number}. Bytes outside printable ASCII are shown as '?'.
http::Response error_response(const Error& error);

// A value for an error text: quoted, at most 80 bytes of it.
std::string shown(std::string_view value);

}  // namespace mr::api
