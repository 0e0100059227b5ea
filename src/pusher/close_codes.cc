#include "pusher/close_codes.h"

namespace mr::pusher {

std::string_view message(CloseCode code) {
  switch (code) {
    case CloseCode::kAppUnknown:
      return "Application does not exist; check the key in the connection URL";
    case CloseCode::kAppDisabled:
      return "Application disabled";
    case CloseCode::kOverQuota:
      return "Application is over its connection quota";
    case CloseCode::kUnauthorized:
      return "Connection is unauthorized";
    case CloseCode::kOverCapacity:
      return "Over capacity; reconnect after a while";
    case CloseCode::kReconnect:
      return "Server is going away; reconnect at once";
    case CloseCode::kPongMissing:
      return "Pong reply not received in time";
    case CloseCode::kInactive:
      return "Closed after inactivity";
    case CloseCode::kChannelRefused:
      return "The channel was refused";
    case CloseCode::kClientEventRefused:
      return "The client event was refused";
    case CloseCode::kWatchlistRefused:
      return "The watchlist was refused";
  }
  return "";
}

bool closes(CloseCode code) { return number(code) < 4300; }

}  // namespace mr::pusher
