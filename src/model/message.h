#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ref.h"
#include "model/chain_entry.h"
#include "model/priority.h"
#include "model/socket_id.h"

namespace mr::model {

// Which frame of a message: the plain one, the numbered full one, or the n-th delta of its entry.
using Form = std::uint32_t;
inline constexpr Form kPlainForm = 0;
inline constexpr Form kFullForm = 1;
inline constexpr Form kFirstDeltaForm = 2;

// The pieces of one frame, in order; what is not needed is empty.
using FrameParts = std::array<std::string_view, 3>;

// The connections that do not get a message.
class LeftOut {
 public:
  using Ids = std::shared_ptr<const std::vector<SocketId>>;
  LeftOut() = default;
  LeftOut(std::nullopt_t) {}                                // NOLINT(google-explicit-constructor)
  LeftOut(SocketId one) : one_(one) {}                      // NOLINT(google-explicit-constructor)
  LeftOut(std::optional<SocketId> one, Ids more = nullptr)  // NOLINT(google-explicit-constructor)
      : one_(one), more_(std::move(more)) {}

  bool has(const SocketId& id) const {
    return (one_ && *one_ == id) || (more_ && std::ranges::find(*more_, id) != more_->end());
  }

 private:
  std::optional<SocketId> one_;
  Ids more_;  // null: no more than that one
};

// One event on one channel, immutable, shared by all loops with subscribers. `frame` is the
// complete WebSocket text frame as every plain subscriber gets it, encoded once on the channel's
// home loop.
class Message final : public base::RefCounted {
 public:
  using Ref = base::Ref<const Message>;
  // Where the text begins in the frame, and what chains made of it.
  struct Chained {
    std::uint8_t text_at = 0;
    std::unique_ptr<const ChainEntry> entry;
    std::uint8_t priority = kUsualPriority;
  };

  Message(std::string channel_key, std::string wire_frame, LeftOut left_out,
          Ref of_second = nullptr, std::uint8_t of_priority = kUsualPriority)
      : Message(std::move(channel_key), std::move(wire_frame), std::move(left_out),
                Chained{0, nullptr, of_priority}, std::move(of_second)) {}
  Message(std::string channel_key, std::string wire_frame, LeftOut left_out, Chained chained,
          Ref of_second = nullptr)
      : key(std::move(channel_key)),
        frame(std::move(wire_frame)),
        except(std::move(left_out)),
        entry(std::move(chained.entry)),
        second(std::move(of_second)),
        priority(chained.priority),
        text_at_(chained.text_at) {}

  const std::string key;  // channel_key(app id, channel)
  const std::string frame;
  const LeftOut except;
  const std::unique_ptr<const ChainEntry> entry;  // null: neither filtered nor chained
  const Ref second;  // the same event as protocol 2 has it; null: as everybody
  const std::uint8_t priority;

  std::string_view text() const { return std::string_view(frame).substr(text_at_); }
  FrameParts parts(Form form) const {
    if (form == kPlainForm) return {frame, {}, {}};
    if (form == kFullForm) {
      std::string_view body = text();
      body.remove_suffix(1);
      return {entry->head, body, entry->tail};
    }
    return {entry->deltas[form - kFirstDeltaForm].frame, {}, {}};
  }
  std::size_t bytes() const {
    return frame.size() + (entry ? entry->bytes() : 0) + (second ? second->bytes() : 0);
  }

 private:
  const std::uint8_t text_at_ = 0;
};

using MessageRef = Message::Ref;

// The message as a connection of protocol 2, or of another, gets it.
inline const MessageRef& variant_of(const MessageRef& message, bool is_second) {
  return is_second && message->second ? message->second : message;
}

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
