#include "api/errc.h"

#include <algorithm>

#include "json/writer.h"

namespace mr::api {

int status_of(Errc code) {
  switch (code) {
    case Errc::kInvalidInput:
    case Errc::kLimitExceeded:
      return 400;
    case Errc::kAuthFailed:
      return 401;
    case Errc::kForbidden:
      return 403;
    case Errc::kAppNotFound:
    case Errc::kNotFound:
      return 404;
    case Errc::kMethodNotAllowed:
      return 405;
    case Errc::kPayloadTooLarge:
      return 413;
    case Errc::kRateLimited:
      return 429;
    case Errc::kBackpressure:
    case Errc::kCutOff:
      return 503;
    case Errc::kCount:
      break;
  }
  return 500;
}

std::string_view slug_of(Errc code) {
  switch (code) {
    case Errc::kInvalidInput:
      return "invalid_input";
    case Errc::kLimitExceeded:
      return "limit_exceeded";
    case Errc::kAuthFailed:
      return "auth_failed";
    case Errc::kForbidden:
      return "forbidden";
    case Errc::kAppNotFound:
      return "app_not_found";
    case Errc::kNotFound:
      return "not_found";
    case Errc::kMethodNotAllowed:
      return "method_not_allowed";
    case Errc::kPayloadTooLarge:
      return "payload_too_large";
    case Errc::kRateLimited:
      return "rate_limited";
    case Errc::kBackpressure:
      return "backpressure";
    case Errc::kCutOff:
      return "broker_unavailable";
    case Errc::kCount:
      break;
  }
  return "internal_error";
}

http::Response error_response(const Error& error) {
  // Values of the query may be any bytes; JSON may not hold them.
  std::string text = error.detail;
  std::replace_if(text.begin(), text.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  std::string body;
  json::Writer writer(body);
  writer.begin_object();
  writer.key("error");
  writer.string(text);
  writer.key("code");
  writer.string(slug_of(error.code));
  writer.key("status");
  writer.number(status_of(error.code));
  writer.end_object();
  http::Response response = http::json_response(status_of(error.code), std::move(body));
  response.reason = slug_of(error.code);
  return response;
}

std::string shown(std::string_view value) {
  constexpr std::size_t kShownMax = 80;
  std::string out = "\"";
  out += value.substr(0, kShownMax);
  out += value.size() > kShownMax ? "...\"" : "\"";
  return out;
}

}  // namespace mr::api
