#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "crypto/hmac.h"
#include "model/app.h"

namespace mr::pusher {

// Signatures of the REST API (Pusher: "HTTP API", authentication): HMAC-SHA-256 in hex over
// METHOD \n path \n k1=v1&k2=v2..., names in lower case and sorted, values percent-decoded,
// without auth_signature.

// Query parameters in the order of the query, percent-decoded; the shape of http::Params.
using Parameters = std::vector<std::pair<std::string, std::string>>;

struct RestRequest {
  std::string_view method;  // upper case
  std::string_view path;    // as it stood in the request line, without the query
  const Parameters& parameters;
  std::string_view body;
};

enum class AuthErrc : std::uint8_t {
  kParameterMissing,   // one of auth_key, auth_timestamp, auth_version, auth_signature, body_md5
  kParameterRepeated,  // one of these came twice
  kVersion,            // auth_version is not 1.0
  kKey,                // auth_key is not this app's
  kTimestamp,          // not a number, or more than 600 s away; the text names the skew
  kBodyMd5,            // does not belong to this body
  kSignature,          // does not belong to this request
};

inline constexpr std::int64_t kTimestampWindowSeconds = 600;

// body_md5 is required with a non-empty body and compared whenever it is given. Cheap checks come
// first, the signature is compared in constant time. Error texts name thing, value and remedy and
// never hold the secret or the right signature.
base::Result<base::Done, AuthErrc> check_rest(const model::App& app, crypto::HmacSha256& hmac,
                                              const RestRequest& request, base::WallTime now);

// All of it that needs no body: what a request can be refused for while its body is coming.
base::Result<base::Done, AuthErrc> check_rest_head(const model::App& app, crypto::HmacSha256& hmac,
                                                   const RestRequest& request, base::WallTime now);

std::string rest_string_to_sign(const RestRequest& request);

// "<path>?<query>" with auth_key, auth_timestamp, auth_version, body_md5 (when there is a body)
// and auth_signature: for clients, tools and tests.
std::string sign_rest_path(const model::App& app, crypto::HmacSha256& hmac,
                           const RestRequest& request, base::WallTime now);

// The first parameter of that name, or nullptr.
const std::string* find_parameter(const Parameters& parameters, std::string_view name);

}  // namespace mr::pusher
