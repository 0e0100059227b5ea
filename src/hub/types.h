#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/slab.h"
#include "model/message.h"

namespace mr::hub {

// Indexes of one loop's Hub; they never cross loops.
using OutletId = std::uint32_t;
using SubscriptionId = std::uint32_t;
using ChannelId = std::uint32_t;
inline constexpr std::uint32_t kNone = UINT32_MAX;

enum class WriteStatus : std::uint8_t { kOk, kBlocked, kClosed };
struct WriteResult {
  WriteStatus status = WriteStatus::kClosed;
  std::size_t bytes = 0;
};

// The sockets as the Hub sees them; the session side implements it over its loop.
class Wire {
 public:
  virtual WriteResult write(std::uint32_t socket, std::span<const iovec> parts) = 0;
  // What the kernel holds of it and has not sent.
  virtual std::size_t unsent_bytes(std::uint32_t socket) const = 0;

 protected:
  ~Wire() = default;
};

// What the Hub tells the owner of an outlet, during flush() or append(). None of these may close
// the outlet at once; the owner notes it and acts after the call.
class OutletEvents {
 public:
  virtual void on_outlet_slow(OutletId outlet) = 0;    // over its bound, policy `close`
  virtual void on_outlet_broken(OutletId outlet) = 0;  // the socket is gone

 protected:
  ~OutletEvents() = default;
};

// Bytes for one connection alone. What it is answered keeps its order; broadcasts go before those
// of a lower priority, never before answers.
struct Reply {
  static constexpr std::uint8_t kAnswer = UINT8_MAX;  // above all of model/priority.h
  std::string bytes;
  std::uint8_t priority = kAnswer;
};

// What exists only while something of an outlet waits.
struct Waiting {
  std::vector<Reply> replies;
  std::size_t reply_bytes = 0;
  std::size_t reply_offset = 0;  // written of replies.front()
  model::MessageRef partial;     // the frame that is partly in the kernel
  model::Form partial_form = model::kPlainForm;
  std::size_t partial_offset = 0;
  std::size_t backlog_bytes = 0;  // frames behind it; counted only while blocked
  std::uint32_t backlog_frames = 0;
};

// One connection's writing side: 56 bytes while nothing waits.
struct Outlet {
  model::SocketId id;
  std::unique_ptr<Waiting> waiting;
  std::uint32_t socket = kNone;
  SubscriptionId first = kNone;        // all subscriptions of the connection
  SubscriptionId first_dirty = kNone;  // those with entries to write in this flush
  std::uint32_t subscription_count = 0;
  bool is_queued = false;   // in the list of outlets to flush
  bool is_blocked = false;  // the socket takes nothing now
  bool is_slow = false;     // over its bound: its owner was told and closes it
  bool is_second = false;   // of protocol 2
  bool is_shut = false;     // broken: nothing is written to it any more
};

// One channel for one connection. `cursor` is the number of the next log entry it has to see.
struct Subscription {
  static constexpr std::uint32_t kPending = UINT32_MAX;  // asked for, not answered yet
  static constexpr std::uint32_t kUnlinked = UINT32_MAX - 1;

  ChannelId channel = kNone;
  OutletId outlet = kNone;
  std::uint32_t position = kPending;  // in the channel's subscribers
  SubscriptionId next = kNone;
  SubscriptionId next_dirty = kUnlinked;
  std::uint32_t cursor = 0;
  std::uint32_t token = 0;      // of the request that made it
  std::uint32_t track = kNone;  // kNone: every message, plain
};

// A channel's recent messages on this loop and who reads them. Entries that every cursor has
// passed are dropped; numbers of entries wrap and are compared by difference.
struct ChannelLog {
  struct Entry {
    model::MessageRef message;
    std::uint64_t serial = 0;  // order of appending over all channels of the loop
  };

  std::string key;
  std::vector<SubscriptionId> subscribers;
  std::vector<Entry> entries;
  std::vector<SubscriptionId> blocked;  // subscribers whose outlet is blocked
  std::size_t bytes = 0;
  std::uint32_t first_number = 0;  // of entries.front()
  std::uint32_t marked_end = 0;    // the end when the running flush began
  std::uint32_t references = 0;    // subscriptions, pending ones included
  bool is_dirty = false;           // has entries that no flush has looked at
  bool is_marked = false;          // the running flush reads it
  bool has_priorities = false;     // of others than kUsualPriority; until it is empty

  std::uint32_t end() const { return first_number + static_cast<std::uint32_t>(entries.size()); }
  const Entry& at(std::uint32_t number) const { return entries[number - first_number]; }
};

}  // namespace mr::hub
