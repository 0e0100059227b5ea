#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/function.h"
#include "channel/chains.h"
#include "channel/order_source.h"
#include "channel/other_nodes.h"
#include "channel/presence.h"
#include "channel/service.h"
#include "model/priority.h"
#include "model/verdict.h"

namespace mr::channel {

// A message on its way to its channel.
struct Publish {
  model::AppRef app;
  model::ChannelName channel;
  std::string event;
  std::string data;  // JSON text of the member
  std::optional<model::SocketId> except;
  std::string user_id;  // JSON text; client events on presence channels carry it
  bool is_client_event = false;
  std::string conflation_key = {};  // its value in the data; empty: none
  // False: full for everybody; true: a delta although the data is small.
  std::optional<bool> delta = std::nullopt;
  model::Tags tags = {};
  std::string except_node = {};  // a node's name: its connections do not get it
  std::uint8_t priority = model::kUsualPriority;
  bool is_remote = false;    // it came over the broker, and is not sent again
  bool is_returned = false;  // and it is ours
  // What the node where it entered decided; kNone with `conflation_key` empty: take it from the
  // data.
  model::Verdict verdict = model::Verdict::kNone;
  CacheVersion version = {};  // of an event of a cache channel

  // Its channel's cached event from now on.
  bool is_kept() const { return channel.is_cache() && !is_client_event; }
};

struct Released {
  PublishStatus status = PublishStatus::kReleased;
  ChannelCounts counts = {};
  Reach reach = Reach::kAll;
};
using OnReleased = base::Function<void(Released)>;

// A connection of loop `loop` wants to hear a channel.
struct Join {
  model::AppRef app;
  model::ChannelName channel;
  std::size_t loop = 0;
  model::SocketId socket;
  std::optional<pusher::Member> member;               // presence channels
  filter::FilterRef filter = nullptr;                 // null: everything
  std::uint8_t form_class = delta::FormClass::kNone;  // not kNone: it starts with deltas
  bool wants_bases = false;
  bool is_second = false;  // of protocol 2
  bool is_again = false;   // the connection is counted already; of members the home knows by itself
  // As the home counts it until now, when it joins again.
  std::uint8_t counted_class = delta::FormClass::kNone;
};

// What a home counts a subscriber as, beside the subscriber that it is.
struct Counted {
  std::uint8_t form_class = delta::FormClass::kNone;
  bool is_second = false;
};

struct JoinAnswer {
  bool is_refused = false;     // the presence channel is full, or:
  bool is_cut_off = false;     // other nodes cannot be reached, and nobody is served without them
  std::uint64_t sequence = 0;  // the channel's, at this moment
  std::uint32_t subscription_count = 0;
  std::vector<pusher::Member> members;       // presence channels, the newcomer included
  std::optional<CachedEvent> cached;         // cache channels
  std::uint32_t filter = Chains::kNoFilter;  // its id
  std::optional<DeltaStart> start;           // when it asked for one
};

// A subscriber's deltas start, start again in another form, or end (kNone).
struct Start {
  std::string key;
  model::SocketId socket;
  std::uint8_t counted_class = delta::FormClass::kNone;  // as the home counts it until now
  std::uint8_t form_class = delta::FormClass::kNone;
  bool wants_bases = false;
};

struct Chosen {
  model::SocketId socket;
  filter::FilterRef filter;  // null: everything
};

// A filter holds from the message with this number on.
struct Filtered {
  std::uint32_t filter = Chains::kNoFilter;
  std::uint64_t next = 1;
};

// Accepted and not yet released.
struct Pending {
  Publish publish;
  OnReleased done;
  bool goes_first = false;  // to the broker, in whose order it comes back
  bool is_ordered = false;
  Order order = Order::kRelease;
  bool is_judged = false;  // by the settings that all nodes count by
};

// The text of its frame.
std::string encode(const Publish& publish);

// One channel's record on its home loop. It lives while the channel has subscribers or messages
// on their way; the FIFO, the roster and the timestamps exist only where they are needed, because
// most channels are idle.
struct HomeChannel {
  HomeChannel(std::string channel_key, model::AppRef owner, model::ChannelName channel_name,
              std::uint32_t bus_partition, std::size_t loops)
      : key(std::move(channel_key)),
        app(std::move(owner)),
        name(std::move(channel_name)),
        partition(bus_partition),
        subscribers_by_loop(loops) {}

  struct Fifo {
    std::deque<Pending> pending;
    std::uint64_t first_ticket = 0;
    bool is_draining = false;
    bool is_waiting = false;  // for a full mailbox: a retry is scheduled
  };

  const std::string key;
  const model::AppRef app;
  const model::ChannelName name;
  const std::uint32_t partition;  // of the bus
  std::uint64_t sequence = 0;     // of the last released message; never used twice in this record
  std::vector<std::uint32_t> subscribers_by_loop;
  std::uint32_t subscription_count = 0;
  std::uint32_t second_count = 0;  // of these, of protocol 2
  bool keeps_tags = false;         // in what these get
  bool is_count_due = false;       // a subscription_count announcement is scheduled
  std::unique_ptr<Fifo> fifo;
  std::unique_ptr<Presence> presence;
  // Users who went, and are shown until it is sure that no other node has them.
  struct Leaving {
    pusher::Member member;
    std::uint64_t token = 0;
  };
  std::vector<Leaving> leaving;
  ChainOptionsRef coordination;  // its settings where all nodes count together; else null
  bool is_coordination_known = false;
  // Who got a cached event of which the message itself may still come, with the event's time, by
  // the node of that message.
  std::map<std::uint64_t, std::map<model::SocketId, std::uint64_t>> early;
  std::unique_ptr<Chains> chains;  // where somebody has a filter or wants deltas
  bool is_expiry_due = false;      // a look at chains without messages is scheduled
  base::TimePoint count_announced{};
};

}  // namespace mr::channel
