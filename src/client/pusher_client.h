#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/function.h"
#include "client/delta_reader.h"
#include "net/loop.h"

namespace mr::client {

struct PusherOptions {
  net::Address address;
  std::string host;  // the Host header; empty: address and port
  std::string key;
  std::string secret;  // signs private and presence subscriptions; empty: public channels only
  std::size_t message_bytes_max = 16 << 20;
  // Takes deltas for whole messages on every channel; on_event gets the same as without.
  bool delta = false;
  std::string delta_algorithm = {};  // "fossil" or "xdelta3"; empty: the server's choice
};

struct PusherEvent {
  std::string event;
  std::string channel;  // empty: of the connection
  std::string data;     // the text of a string member, otherwise its JSON
  std::string raw;      // the whole frame, of a delta the message that it makes
};

struct PusherClosed {
  std::uint16_t code = 0;  // of the close frame; 0: none came (lost, refused, not a WebSocket)
  std::string reason;
};

struct PusherCallbacks {
  base::Function<void(std::string_view socket_id)> on_connected;
  base::Function<void(const PusherEvent&)> on_event;  // every frame but pings
  // A delta did not fit its base; the message is gone, and a new base was asked for. Optional.
  base::Function<void(std::string_view channel, std::string_view why)> on_lost;
  base::Function<void(const PusherClosed&)> on_closed;
};

// One connection as a Pusher client of protocol 7. Lives on `loop`, connects once: who wants
// another connection makes another object. Callbacks run on the loop, never inside a call, and may
// call anything but the destructor. on_closed is the last one; after close() none comes.
class PusherClient {
 public:
  PusherClient(net::Loop& loop, PusherOptions options, PusherCallbacks callbacks);
  PusherClient(const PusherClient&) = delete;
  PusherClient& operator=(const PusherClient&) = delete;
  ~PusherClient();

  void connect();
  bool is_connected() const;
  std::string_view socket_id() const;  // empty before on_connected

  // After on_connected. `channel_data` is JSON text for presence channels, e.g. {"user_id":"1"}.
  // `filter`: JSON text of a tag filter; empty: everything.
  void subscribe(std::string_view channel, std::optional<std::string> channel_data = {},
                 std::string_view filter = {});
  void unsubscribe(std::string_view channel);
  // `user_data` is JSON text with an id.
  void sign_in(const std::string& user_data);
  // A client event; `data_json` is any JSON value.
  void trigger(std::string_view channel, std::string_view event, std::string_view data_json);
  // Any text as one frame.
  void send(std::string_view frame);
  // What deltas saved so far; zeros without them.
  DeltaReader::Counts delta_counts() const;
  // Sends a close frame with 1000 and drops the connection.
  void close();

 private:
  class Connection;
  std::unique_ptr<Connection> connection_;
};

}  // namespace mr::client
