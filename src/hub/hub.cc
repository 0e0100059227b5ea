#include "hub/hub.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/assert.h"
#include "base/planted.h"

namespace mr::hub {
namespace {

// A slice of the flush: between slices the loop accepts, reads and runs timers.
constexpr std::size_t kOutletsPerClockLook = 64;
constexpr base::Duration kSlice = std::chrono::milliseconds(1);
// Starts and filters of one subscription that wait for their place.
constexpr std::size_t kMarksMax = 64;
// A log that held a burst gives its room back; one entry's room is kept.
constexpr std::size_t kEntriesKept = 4;

}  // namespace

Hub::Hub(Wire& wire, OutletEvents& events, Options options, std::uint64_t hash_seed)
    : wire_(wire),
      events_(events),
      options_(options),
      subscriptions_(hash_seed),
      tracks_(subscriptions_),
      writer_(wire, subscriptions_, tracks_, counters_, options.behind_slots_max) {}

inline void Hub::queue(OutletId id) {
  Outlet& outlet = subscriptions_.outlet(id);
  if (outlet.is_queued || outlet.is_blocked) return;
  outlet.is_queued = true;
  queued_.push_back(id);
}

inline void Hub::link_dirty(SubscriptionId id) {
  Subscription& subscription = subscriptions_.at(id);
  Outlet& outlet = subscriptions_.outlet(subscription.outlet);
  if (subscription.next_dirty == Subscription::kUnlinked) {
    subscription.next_dirty = outlet.first_dirty;
    outlet.first_dirty = id;
  }
  queue(subscription.outlet);
}

void Hub::append(const model::MessageRef& message) {
  const ChannelId id = subscriptions_.find_channel(message->key);
  if (id == kNone) return;
  ChannelLog& log = subscriptions_.log(id);
  if (log.subscribers.empty()) return;
  ++counters_.appended;
  log.entries.push_back({message, next_serial_++});
  log.has_priorities |= message->priority != model::kUsualPriority;
  const std::size_t bytes = message->bytes();
  log.bytes += bytes;
  log_bytes_ += bytes;
  note_dirty(id);
  if (!log.blocked.empty()) judge_blocked(log, *message);
  if (log.bytes > options_.log_bytes_max) bound_log(id);
}

void Hub::judge_blocked(const ChannelLog& log, const model::Message& message) {
  // Judging may take the outlet off the list.
  const std::vector<SubscriptionId> blocked = log.blocked;
  for (const SubscriptionId subscription : blocked) {
    if (!gets(subscription, message)) continue;
    judge_backlog(subscriptions_.at(subscription).outlet, message.frame.size());
  }
}

// What a filter or its sender keeps from a subscriber does not wait for it.
bool Hub::gets(SubscriptionId id, const model::Message& message) const {
  const OutletId outlet = subscriptions_.at(id).outlet;
  if (message.except.has(subscriptions_.outlet(outlet).id)) return false;
  return !tracks_.has(id) || hears(tracks_.at(id), message);
}

bool Hub::reply(OutletId id, std::string bytes, std::uint8_t priority) {
  Outlet& outlet = subscriptions_.outlet(id);
  if (outlet.is_shut) return true;
  const auto is_over = [&] {
    return outlet.waiting && !outlet.waiting->replies.empty() &&
           outlet.waiting->reply_bytes + bytes.size() > options_.reply_bytes_max;
  };
  // Many answers in one iteration are no sign of a reader that is slow: the socket decides.
  if (is_over() && !outlet.is_blocked) write_now(id);
  if (outlet.is_shut) return true;
  if (is_over()) {
    ++counters_.replies_refused;
    return false;
  }
  if (!outlet.waiting) outlet.waiting = std::make_unique<Waiting>();
  Waiting& waiting = *outlet.waiting;
  waiting.reply_bytes += bytes.size();
  auto at = waiting.replies.end();
  if (priority != Reply::kAnswer) {
    const auto first = waiting.replies.begin() + (waiting.reply_offset > 0 ? 1 : 0);
    while (at != first && std::prev(at)->priority < priority) --at;
  }
  waiting.replies.insert(at, Reply{std::move(bytes), priority});
  queue(id);
  return true;
}

bool Hub::flush(const base::Clock& clock) {
  const base::TimePoint began = clock.now();
  while (write_outlets(kOutletsPerClockLook)) {
    if (clock.now() - began >= kSlice) return true;
  }
  return !dirty_.empty();
}

// Goes on with the running flush, or begins one. False when it has come to its end.
bool Hub::write_outlets(std::size_t count) {
  if (next_queued_ == queued_.size() && dirty_.empty()) return false;
  if (next_queued_ == queued_.size() || marked_.empty()) mark_dirty_channels();
  for (; count > 0 && next_queued_ < queued_.size(); --count) {
    const OutletId id = queued_[next_queued_++];
    fetch_ahead();
    write_queued(id);
  }
  if (next_queued_ < queued_.size()) return true;
  queued_.clear();
  next_queued_ = 0;
  finish_marked();
  return false;
}

// What the kernel does for one socket drives the next ones out of the cache. Each step of the way
// to a subscriber's state is fetched while one before it is written.
inline void Hub::fetch_ahead() const {
  const std::size_t left = queued_.size() - next_queued_;
  const OutletId* const next = queued_.data() + next_queued_;
  if (left > 2) __builtin_prefetch(&subscriptions_.outlet(next[2]), 1);
  if (left > 1) {
    const SubscriptionId id = subscriptions_.outlet(next[1]).first_dirty;
    if (id != kNone) __builtin_prefetch(&subscriptions_.at(id), 1);
  }
  if (left > 0) {
    const SubscriptionId id = subscriptions_.outlet(next[0]).first_dirty;
    if (id != kNone && tracks_.has(id)) __builtin_prefetch(&tracks_.at(id));
  }
}

// More arrives than a flush in slices gets rid of: the loop does nothing else until this log is
// short again. What is left then is there for blocked readers, and within their bounds.
void Hub::bound_log(ChannelId id) {
  ++counters_.logs_full;
  shorten(subscriptions_.log(id));
  while (subscriptions_.log(id).is_marked || subscriptions_.log(id).is_dirty) {
    while (write_outlets(kOutletsPerClockLook)) {
    }
  }
}

// The next flush looks at it.
void Hub::note_dirty(ChannelId id) {
  ChannelLog& log = subscriptions_.log(id);
  if (log.is_dirty) return;
  log.is_dirty = true;
  dirty_.push_back(id);
}

// Each subscriber with something to read is linked to its connection, so that a connection that
// hears several of the channels still gets one write.
void Hub::mark_dirty_channels() {
  for (const ChannelId id : dirty_) {
    ChannelLog& log = subscriptions_.log(id);
    log.is_dirty = false;
    log.is_marked = true;
    log.marked_end = log.end();
    marked_.push_back(id);
    for (const SubscriptionId subscription_id : log.subscribers) {
      Subscription& subscription = subscriptions_.at(subscription_id);
      if (subscription.cursor == log.marked_end) continue;
      Outlet& outlet = subscriptions_.outlet(subscription.outlet);
      if (outlet.is_blocked || outlet.is_shut) continue;
      link_dirty(subscription_id);
    }
  }
  dirty_.clear();
}

void Hub::place(SubscriptionId id, Mark mark) {
  const Subscription& subscription = subscriptions_.at(id);
  Track& track = tracks_.ensure(id);
  mark.at = subscriptions_.log(subscription.channel).end();
  if (MR_PLANTED("sync_overtakes")) mark.at = subscription.cursor;
  if (MR_PLANTED("mark_comes_late")) ++mark.at;
  if (track.form_class == delta::FormClass::kNone) mark.sync = nullptr;
  if (!track.marks) track.marks = std::make_unique<Marks>();
  std::vector<Mark>& list = track.marks->list;
  const bool has_many = list.size() - track.marks->next >= kMarksMax / 2;
  if (has_many && mark.is_start && list.back().is_start && list.back().at == mark.at) {
    // Nothing stands between them: the newer start says all that the older one did.
    --track.pending;
    list.back() = std::move(mark);
  } else {
    list.push_back(std::move(mark));
  }
  const Outlet& outlet = subscriptions_.outlet(subscription.outlet);
  if (outlet.is_shut) return;
  if (!outlet.is_blocked) return link_dirty(id);
  // Who asks and does not read is as slow as who does not read at all.
  if (list.size() - track.marks->next > kMarksMax && !outlet.is_slow) {
    tell_slow(subscription.outlet);
  }
}

void Hub::write_queued(OutletId id) {
  Outlet& outlet = subscriptions_.outlet(id);
  // The slot may have been closed and given to another connection meanwhile.
  if (!outlet.is_queued) return;
  outlet.is_queued = false;
  if (outlet.is_shut || outlet.is_blocked) return unlink_dirty(outlet);
  write_now(id);
}

void Hub::write_now(OutletId id) {
  const Writer::Outcome outcome = writer_.write(id, false);
  unlink_dirty(subscriptions_.outlet(id));
  if (outcome == Writer::Outcome::kBlocked) block(id);
  if (outcome == Writer::Outcome::kBroken) {
    shut(id);
    events_.on_outlet_broken(id);
  }
}

void Hub::unlink_dirty(Outlet& outlet) {
  while (outlet.first_dirty != kNone) {
    Subscription& subscription = subscriptions_.at(outlet.first_dirty);
    outlet.first_dirty = subscription.next_dirty;
    subscription.next_dirty = Subscription::kUnlinked;
  }
}

void Hub::finish_marked() {
  for (const ChannelId id : marked_) {
    ChannelLog& log = subscriptions_.log(id);
    log.is_marked = false;
    std::uint32_t passed = log.marked_end;
    for (const SubscriptionId subscription : log.blocked) {
      const std::uint32_t cursor = subscriptions_.at(subscription).cursor;
      if (cursor - log.first_number < passed - log.first_number) passed = cursor;
    }
    trim(log, passed);
    subscriptions_.drop_if_unused(id);
  }
  marked_.clear();
}

void Hub::trim(ChannelLog& log, std::uint32_t up_to) {
  const std::uint32_t count = up_to - log.first_number;
  if (count == 0 || count > log.entries.size()) return;
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::size_t size = log.entries[i].message->bytes();
    log.bytes -= size;
    log_bytes_ -= size;
  }
  log.entries.erase(log.entries.begin(), log.entries.begin() + count);
  log.first_number = up_to;
  if (!log.entries.empty()) return;
  log.has_priorities = false;
  if (log.entries.capacity() > kEntriesKept) std::vector<ChannelLog::Entry>().swap(log.entries);
}

void Hub::block(OutletId id) {
  Outlet& outlet = subscriptions_.outlet(id);
  ++counters_.blocked;
  ++blocked_count_;
  outlet.is_blocked = true;
  if (!outlet.waiting) outlet.waiting = std::make_unique<Waiting>();
  outlet.waiting->backlog_bytes = 0;
  outlet.waiting->backlog_frames = 0;
  std::size_t behind = 0;
  std::uint32_t frames = 0;
  for (SubscriptionId s = outlet.first; s != kNone; s = subscriptions_.at(s).next) {
    if (!subscriptions_.is_active(s)) continue;
    ChannelLog& log = subscriptions_.log(subscriptions_.at(s).channel);
    log.blocked.push_back(s);
    for (std::uint32_t n = subscriptions_.at(s).cursor; n != log.end(); ++n) {
      if (!gets(s, *log.at(n).message)) continue;
      behind += log.at(n).message->frame.size();
      ++frames;
    }
  }
  // What this iteration had for it counts too: a burst is not a way around the bound.
  if (frames == 0) return;
  outlet.waiting->backlog_frames = frames - 1;
  judge_backlog(id, behind);
}

void Hub::unblock(OutletId id) {
  Outlet& outlet = subscriptions_.outlet(id);
  if (!outlet.is_blocked) return;
  outlet.is_blocked = false;
  --blocked_count_;
  for (SubscriptionId s = outlet.first; s != kNone; s = subscriptions_.at(s).next) {
    if (!subscriptions_.is_active(s)) continue;
    const ChannelId channel = subscriptions_.at(s).channel;
    ChannelLog& log = subscriptions_.log(channel);
    std::erase(log.blocked, s);
    // What it kept alive goes with the next flush.
    note_dirty(channel);
  }
  Waiting& waiting = *outlet.waiting;
  waiting.backlog_bytes = 0;
  if (!waiting.partial && waiting.replies.empty()) outlet.waiting.reset();
}

void Hub::on_writable(OutletId id) {
  Outlet& outlet = subscriptions_.outlet(id);
  if (!outlet.is_blocked || outlet.is_shut) return;
  const Writer::Outcome outcome = writer_.write(id, true);
  if (outcome == Writer::Outcome::kBlocked) return;
  unblock(id);
  if (outcome == Writer::Outcome::kBroken) {
    shut(id);
    events_.on_outlet_broken(id);
  }
}

// One frame of any size may wait; what comes on top of others is bounded.
void Hub::judge_backlog(OutletId id, std::size_t added) {
  Outlet& outlet = subscriptions_.outlet(id);
  if (!outlet.is_blocked || outlet.is_shut || outlet.is_slow) return;
  Waiting& waiting = *outlet.waiting;
  waiting.backlog_bytes += added;
  ++waiting.backlog_frames;
  if (waiting.backlog_frames == 1) return;
  const std::size_t unsent = wire_.unsent_bytes(outlet.socket);
  if (waiting.backlog_bytes + unsent <= options_.queue_bytes_max) return;
  if (options_.slow_policy == SlowPolicy::kClose) return tell_slow(id);
  while (waiting.backlog_frames > 1 && waiting.backlog_bytes + unsent > options_.queue_bytes_max) {
    if (!drop_oldest_of(id)) break;
  }
}

bool Hub::drop_oldest_of(OutletId id) {
  Outlet& outlet = subscriptions_.outlet(id);
  SubscriptionId oldest = kNone;
  std::uint64_t oldest_serial = UINT64_MAX;
  for (SubscriptionId s = outlet.first; s != kNone; s = subscriptions_.at(s).next) {
    if (!subscriptions_.is_active(s)) continue;
    const Subscription& subscription = subscriptions_.at(s);
    const ChannelLog& log = subscriptions_.log(subscription.channel);
    if (subscription.cursor == log.end()) continue;
    const std::uint64_t serial = log.at(subscription.cursor).serial;
    if (serial >= oldest_serial) continue;
    oldest = s;
    oldest_serial = serial;
  }
  if (oldest == kNone) return false;
  drop(oldest);
  return true;
}

void Hub::drop(SubscriptionId id) {
  const Subscription& subscription = subscriptions_.at(id);
  const std::size_t size =
      subscriptions_.log(subscription.channel).at(subscription.cursor).message->frame.size();
  if (!writer_.skip(id)) return;
  ++counters_.dropped_slow;
  Outlet& outlet = subscriptions_.outlet(subscription.outlet);
  if (!outlet.waiting) return;
  outlet.waiting->backlog_bytes -= std::min(outlet.waiting->backlog_bytes, size);
  if (outlet.waiting->backlog_frames > 0) --outlet.waiting->backlog_frames;
}

void Hub::tell_slow(OutletId id) {
  ++counters_.closed_slow;
  subscriptions_.outlet(id).is_slow = true;
  events_.on_outlet_slow(id);
}

// What one frame alone is over the bound may stay, as with the backlog of a connection.
void Hub::shorten(const ChannelLog& log) {
  const std::vector<SubscriptionId> blocked = log.blocked;
  for (const SubscriptionId id : blocked) {
    const Subscription& subscription = subscriptions_.at(id);
    const Outlet& outlet = subscriptions_.outlet(subscription.outlet);
    if (!outlet.is_blocked || outlet.is_shut || outlet.is_slow) continue;
    std::size_t kept = 0;
    for (std::uint32_t n = subscription.cursor; n != log.end(); ++n) {
      kept += log.at(n).message->frame.size();
    }
    while (kept > options_.log_bytes_max && log.end() - subscription.cursor > 1) {
      if (options_.slow_policy == SlowPolicy::kClose) {
        tell_slow(subscription.outlet);
        break;
      }
      kept -= log.at(subscription.cursor).message->frame.size();
      drop(id);
    }
  }
}

// Nothing more is written, so the logs need not wait for it.
void Hub::shut(OutletId id) {
  unblock(id);
  Outlet& outlet = subscriptions_.outlet(id);
  outlet.is_shut = true;
}

// What only this reader had not read goes with the next flush.
void Hub::end(SubscriptionId id) {
  const ChannelId channel = subscriptions_.at(id).channel;
  if (!subscriptions_.log(channel).entries.empty()) note_dirty(channel);
  tracks_.end(id);
  subscriptions_.end(id);
}

void Hub::close(OutletId id) {
  Outlet& outlet = subscriptions_.outlet(id);
  unblock(id);
  while (outlet.first != kNone) end(outlet.first);
  outlet.is_queued = false;
  subscriptions_.close(id);
}

bool Hub::has_waiting(OutletId id) const {
  const Outlet& outlet = subscriptions_.outlet(id);
  return !outlet.is_shut && outlet.waiting &&
         (outlet.waiting->partial || !outlet.waiting->replies.empty());
}

bool Hub::is_choked(OutletId id) const {
  const Outlet& outlet = subscriptions_.outlet(id);
  return outlet.is_blocked && outlet.waiting &&
         outlet.waiting->reply_bytes > options_.reply_bytes_max / 4;
}

}  // namespace mr::hub
