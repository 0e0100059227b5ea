#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/result.h"
#include "json/parser.h"
#include "model/delta_request.h"
#include "pusher/errc.h"

namespace mr::pusher {

// Client events of protocol 7 (Pusher Channels protocol, "Client -> Channels events").

struct Ping {};
struct Pong {};
struct Subscribe {
  std::string channel;
  std::string auth;  // empty: none given
  std::optional<std::string> channel_data;
  std::optional<model::DeltaWish> delta = std::nullopt;
  bool wants_gaps = false;  // `gaps`: to be told of messages that were lost between nodes
  std::string filter = {};  // JSON text of `filter` or `tags_filter`, not judged; empty: none
};
struct Unsubscribe {
  std::string channel;
};
struct Signin {
  std::string auth;
  std::string user_data;
};
// The whole connection takes deltas, or no longer.
struct EnableDelta {
  model::DeltaSwitch asked;
};
// A base is missing or a delta did not fit: the client dropped what it had of the channel.
struct DeltaSyncError {
  std::string channel;
};
// "client-..." on a channel.
struct ClientMessage {
  std::string event;
  std::string channel;
  std::string
      data;  // JSON text of the member as it stood in the frame, byte for byte; may be empty
};
struct UnknownEvent {
  std::string event;
};
using ClientEvent = std::variant<Ping, Pong, Subscribe, Unsubscribe, Signin, EnableDelta,
                                 DeltaSyncError, ClientMessage, UnknownEvent>;

// One text frame. Accepts the prefixes `pusher:` and `sockudo:`; `data` may be an object or a JSON
// string of one, of unsubscribe and delta_sync_error also the bare channel name, and of
// enable_delta_compression it may be absent. Names and signatures are not judged here. Pure, but
// for the parser's buffers.
base::Result<ClientEvent, Errc> decode(json::Parser& parser, std::string_view frame);

}  // namespace mr::pusher
