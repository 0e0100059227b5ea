#include "http/counters.h"

namespace mr::http {

const char* to_text(Refusal refusal) {
  switch (refusal) {
    case Refusal::kTooManyConnections:
      return "too_many_connections";
    case Refusal::kHeaderTimeout:
      return "header_timeout";
    case Refusal::kBodyTimeout:
      return "body_timeout";
    case Refusal::kWriteTimeout:
      return "write_timeout";
    case Refusal::kBadRequest:
      return "bad_request";
    case Refusal::kBodyTooLarge:
      return "body_too_large";
    case Refusal::kBodyBudget:
      return "body_budget";
    case Refusal::kHeadersTooLarge:
      return "headers_too_large";
    case Refusal::kNotSupported:
      return "not_supported";
    case Refusal::kDraining:
      return "draining";
    case Refusal::kCount:
      break;
  }
  return "unknown";
}

}  // namespace mr::http
