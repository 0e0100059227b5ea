#include "session/counters.h"

namespace mr::session {

const char* to_text(Ending ending) {
  switch (ending) {
    case Ending::kClient:
      return "client";
    case Ending::kProtocol:
      return "protocol";
    case Ending::kApp:
      return "app";
    case Ending::kQuota:
      return "quota";
    case Ending::kUnauthorized:
      return "unauthorized";
    case Ending::kSlow:
      return "slow_consumer";
    case Ending::kDrain:
      return "drain";
    case Ending::kPong:
      return "pong_timeout";
    case Ending::kIdle:
      return "idle";
    case Ending::kDuration:
      return "max_duration";
    case Ending::kCount:
      break;
  }
  return "unknown";
}

const char* to_text(Refusal refusal) {
  switch (refusal) {
    case Refusal::kBadFrame:
      return "bad_frame";
    case Refusal::kBadChannel:
      return "bad_channel";
    case Refusal::kAuth:
      return "auth";
    case Refusal::kLimit:
      return "limit";
    case Refusal::kClientEvent:
      return "client_event";
    case Refusal::kClientEventRate:
      return "client_event_rate";
    case Refusal::kFilter:
      return "filter";
    case Refusal::kDeltaSync:
      return "delta_sync";
    case Refusal::kOverloaded:
      return "overloaded";
    case Refusal::kCutOff:
      return "cut_off";
    case Refusal::kCount:
      break;
  }
  return "unknown";
}

}  // namespace mr::session
