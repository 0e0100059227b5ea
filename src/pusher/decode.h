#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/result.h"
#include "json/parser.h"
#include "pusher/errc.h"

namespace mr::pusher {

// Client events of protocol 7 (Pusher Channels protocol, "Client -> Channels events").

struct Ping {};
struct Pong {};
struct Subscribe {
  std::string channel;
  std::string auth;  // empty: none given
  std::optional<std::string> channel_data;
};
struct Unsubscribe {
  std::string channel;
};
struct Signin {
  std::string auth;
  std::string user_data;
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
using ClientEvent =
    std::variant<Ping, Pong, Subscribe, Unsubscribe, Signin, ClientMessage, UnknownEvent>;

// One text frame. Accepts the prefixes `pusher:` and `sockudo:`; `data` of subscribe, unsubscribe
// and signin may be an object or a JSON string of one, of unsubscribe also the bare channel name.
// Names and signatures are not judged here. Pure, but for the parser's buffers.
base::Result<ClientEvent, Errc> decode(json::Parser& parser, std::string_view frame);

}  // namespace mr::pusher
