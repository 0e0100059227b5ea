#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/function.h"
#include "channel/cached_event.h"
#include "channel/other_nodes.h"
#include "model/app.h"
#include "model/channel_name.h"
#include "model/priority.h"
#include "model/socket_id.h"
#include "model/tags.h"

namespace mr::channel {

// What the REST API asks of the node. One instance per loop; continuations run on that loop,
// once, possibly before the call returns. Work goes to the channels' home loops and back.

enum class PublishStatus : std::uint8_t {
  kReleased,    // ordered and handed to all loops with subscribers
  kOverloaded,  // the channel's FIFO is full: 503 and Retry-After
  kCutOff,      // other nodes cannot be reached: 503 and Retry-After
  kUnanswered,  // the broker did not give it back in time: 503 and Retry-After; it may still come
};

struct ChannelCounts {
  std::string channel;
  std::uint32_t subscription_count = 0;
  std::uint32_t user_count = 0;  // presence channels: distinct users
};

// One event for one channel.
struct PublishEvent {
  model::ChannelName channel;
  std::string event;
  std::string data;  // JSON text of the `data` member as it goes on the wire (a JSON string)
  std::optional<model::SocketId> except;
  std::string conflation_key = {};  // its value in the data; empty: none
  // False: full for everybody; true: a delta although the data is small.
  std::optional<bool> delta = std::nullopt;
  model::Tags tags = {};
  std::string except_node = {};  // a node's name: its connections do not get it
  std::uint8_t priority = model::kUsualPriority;
};

struct PublishOutcome {
  PublishStatus status = PublishStatus::kReleased;
  std::vector<ChannelCounts> counts;  // one per event in order, as seen after the release
  Reach reach = Reach::kAll;          // of the least of them
};

struct ChannelState {
  ChannelCounts counts;
  bool is_occupied = false;
  std::optional<CachedEvent> cache;  // cache channels with a live value
};

// One event for every connection of an app.
struct BroadcastEvent {
  std::string event;
  std::string data;  // JSON text of the member
  std::optional<model::SocketId> except = std::nullopt;
  std::string except_node = {};  // a node's name: its connections do not get it
  std::uint8_t priority = model::kUsualPriority;
};

class Service {
 public:
  virtual ~Service() = default;

  // All events in order (a batch keeps the order of each channel). The answer comes when each
  // channel's home loop has released its events; the worst of their answers counts.
  virtual void publish(model::AppRef app, std::vector<PublishEvent> events,
                       base::Function<void(PublishOutcome)> done) = 0;
  // To all connections of the app on all nodes, without a channel; at most once.
  virtual void broadcast(model::AppRef app, BroadcastEvent event,
                         base::Function<void(PublishOutcome)> done) = 0;
  // Occupied channels whose name begins with `prefix`, sorted by name.
  virtual void list_channels(model::AppRef app, std::string prefix,
                             base::Function<void(std::vector<ChannelCounts>)> done) = 0;
  virtual void find_channel(model::AppRef app, model::ChannelName channel,
                            base::Function<void(ChannelState)> done) = 0;
  // Distinct user ids of a presence channel, as JSON texts (a string with quotes, or a number).
  virtual void list_users(model::AppRef app, model::ChannelName channel,
                          base::Function<void(std::vector<std::string>)> done) = 0;
  // Closes every connection of the signed-in or presence user with 4009; gives the number.
  virtual void terminate_user(model::AppRef app, std::string user_id,
                              base::Function<void(std::uint32_t)> done) = 0;
  // Idempotency: the first caller of a key gets nullopt and must settle(); later callers within
  // the window get the stored answer once it is there (they wait for it, at most 5 s, then
  // nullopt with `in_flight`).
  struct Idempotent {
    bool first = true;
    std::string answer;  // the stored body when not first
  };
  virtual void begin_idempotent(model::AppRef app, std::string key,
                                base::Function<void(Idempotent)> done) = 0;
  // An empty answer forgets the key (the request failed and may be tried again).
  virtual void settle_idempotent(model::AppRef app, std::string key, std::string answer) = 0;
};

}  // namespace mr::channel
