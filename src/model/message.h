#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ref.h"
#include "model/socket_id.h"

namespace mr::model {

// One event on one channel, immutable, shared by all loops. `frame` is the complete WebSocket
// text frame as every plain subscriber gets it (header and JSON), encoded once.
class Message final : public base::RefCounted {
 public:
  std::string channel;
  std::string event;
  std::string data;                     // JSON text of the `data` member, byte for byte
  std::optional<SocketId> except;       // this connection does not get it
  bool is_client_event = false;
  std::string frame;
};

using MessageRef = base::Ref<const Message>;

}  // namespace mr::model
