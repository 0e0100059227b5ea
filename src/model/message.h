#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/ref.h"
#include "model/socket_id.h"

namespace mr::model {

// One event on one channel, immutable, shared by all loops with subscribers. `frame` is the
// complete WebSocket text frame as every plain subscriber gets it, encoded once on the channel's
// home loop.
class Message final : public base::RefCounted {
 public:
  Message(std::string channel_key, std::string wire_frame, std::optional<SocketId> left_out)
      : key(std::move(channel_key)), frame(std::move(wire_frame)), except(left_out) {}

  const std::string key;  // channel_key(app id, channel)
  const std::string frame;
  const std::optional<SocketId> except;  // this connection does not get it
};

using MessageRef = base::Ref<const Message>;

// The name of a channel inside a node: application and channel, separated by a byte that neither
// can hold.
inline std::string channel_key(const std::string& app_id, const std::string& channel) {
  std::string key;
  key.reserve(app_id.size() + 1 + channel.size());
  key.append(app_id).push_back('\0');
  key.append(channel);
  return key;
}

}  // namespace mr::model
