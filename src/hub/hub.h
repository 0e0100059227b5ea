#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "hub/counters.h"
#include "hub/options.h"
#include "hub/subscriptions.h"
#include "hub/tracks.h"
#include "hub/types.h"
#include "hub/writer.h"

namespace mr::hub {

// What one loop keeps for its subscribers: a log per channel, a cursor per subscription, and the
// flush at the end of each iteration, which gives every subscriber all that lies behind its
// cursors with one write. A subscriber that is up to date holds nothing; one whose socket is full
// lags behind the log and is judged by the policy once too much waits for it.
//
// One per loop; all calls on that loop. Knows no protocol: frames and replies are opaque bytes.
class Hub {
 public:
  Hub(Wire& wire, OutletEvents& events, Options options, std::uint64_t hash_seed);

  Subscriptions& subscriptions() { return subscriptions_; }
  const Subscriptions& subscriptions() const { return subscriptions_; }

  Tracks& tracks() { return tracks_; }

  // A message for a channel; nothing happens if nobody here hears it.
  void append(const model::MessageRef& message);
  // Bytes for one connection, before its channels' frames. False when its reserve is full and the
  // socket takes nothing (the peer asks and does not read): the owner closes the connection.
  // `priority` is that of a broadcast.
  bool reply(OutletId outlet, std::string bytes, std::uint8_t priority = Reply::kAnswer);

  // One slice of the flush, about 1 ms; true when more is to do.
  bool flush(const base::Clock& clock);
  // The socket takes bytes again.
  void on_writable(OutletId outlet);
  // An answer of the home loop takes its place behind what has been appended.
  void place(SubscriptionId id, Mark mark);
  // The next message that waits for this subscription is not written.
  void drop(SubscriptionId id);
  // Ends one subscription; what is behind its cursor is not written.
  void end(SubscriptionId id);
  // Ends the outlet and all its subscriptions.
  void close(OutletId outlet);
  // True when bytes of the outlet wait (replies or a partial frame).
  bool has_waiting(OutletId outlet) const;

  // The socket is full and answers pile up: nothing more should be asked of this connection.
  bool is_choked(OutletId outlet) const;

  const Counters& counters() const { return counters_; }
  // User-space bytes in the channel logs now.
  std::size_t log_bytes() const { return log_bytes_; }
  std::size_t blocked_count() const { return blocked_count_; }

 private:
  void queue(OutletId outlet);
  void fetch_ahead() const;
  bool write_outlets(std::size_t count);
  void note_dirty(ChannelId channel);
  void mark_dirty_channels();
  void write_queued(OutletId outlet);
  void write_now(OutletId outlet);
  void finish_marked();
  void trim(ChannelLog& log, std::uint32_t up_to);
  void unlink_dirty(Outlet& outlet);
  void block(OutletId outlet);
  void unblock(OutletId outlet);
  bool gets(SubscriptionId id, const model::Message& message) const;
  void judge_blocked(const ChannelLog& log, const model::Message& message);
  void judge_backlog(OutletId outlet, std::size_t added);
  bool drop_oldest_of(OutletId outlet);
  void link_dirty(SubscriptionId id);
  void tell_slow(OutletId outlet);
  void bound_log(ChannelId channel);
  void shorten(const ChannelLog& log);
  void shut(OutletId outlet);

  Wire& wire_;
  OutletEvents& events_;
  const Options options_;
  Subscriptions subscriptions_;
  Counters counters_;
  Tracks tracks_;
  Writer writer_;
  std::vector<ChannelId> dirty_;   // appended to since the last marking
  std::vector<ChannelId> marked_;  // being flushed
  std::vector<OutletId> queued_;   // outlets with something to write
  std::size_t next_queued_ = 0;
  std::uint64_t next_serial_ = 0;
  std::size_t log_bytes_ = 0;
  std::size_t blocked_count_ = 0;
};

}  // namespace mr::hub
