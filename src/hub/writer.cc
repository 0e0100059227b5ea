#include "hub/writer.h"

#include <algorithm>

#include "base/planted.h"

namespace mr::hub {
namespace {

constexpr std::size_t kPartsMax = 512;
constexpr std::size_t kWriteBytesMax = 256 * 1024;

bool is_told(const Mark& mark) { return mark.sync && !MR_PLANTED("no_sync"); }

}  // namespace

inline bool Writer::has_room() const {
  return iovecs_.size() < kPartsMax && gathered_bytes_ < kWriteBytesMax;
}

inline void Writer::add_piece(std::string_view piece) {
  iovecs_.push_back({const_cast<char*>(piece.data()), piece.size()});
  gathered_bytes_ += piece.size();
}

bool Writer::add_waiting(std::string_view bytes) {
  add_piece(bytes);
  parts_.push_back({kNone, 0, nullptr, static_cast<std::uint32_t>(bytes.size())});
  return has_room();
}

// Parts are written in place: a copy of fields just written stalls on every delivery.
inline Writer::Part& Writer::add_part(SubscriptionId id, std::uint32_t cursor_after,
                                      const model::MessageRef& message) {
  Part& part = parts_.emplace_back();
  part.subscription = id;
  part.cursor_after = cursor_after;
  part.message = &message;
  return part;
}

void Writer::add_form(Part& part, model::Form form) {
  part.form = form;
  for (const std::string_view piece : (*part.message)->parts(form)) {
    if (piece.empty()) continue;
    add_piece(piece);
    part.bytes += static_cast<std::uint32_t>(piece.size());
  }
}

bool Writer::gather_waiting(Outlet& outlet) {
  if (!outlet.waiting) return true;
  Waiting& waiting = *outlet.waiting;
  if (waiting.partial) {
    std::size_t written = waiting.partial_offset;
    for (std::string_view piece : waiting.partial->parts(waiting.partial_form)) {
      const std::size_t skipped = std::min(written, piece.size());
      written -= skipped;
      piece.remove_prefix(skipped);
      if (!piece.empty() && !add_waiting(piece)) return false;
    }
  }
  std::size_t offset = waiting.reply_offset;
  for (const Reply& reply : waiting.replies) {
    if (!add_waiting(std::string_view(reply.bytes).substr(offset))) return false;
    offset = 0;
  }
  return true;
}

bool Writer::gather_entries(const Outlet& outlet, SubscriptionId id, std::uint32_t end) {
  Subscription& subscription = subscriptions_.at(id);
  if (!subscriptions_.is_active(id)) return true;
  if (subscription.track != kNone) return gather_tracked(outlet, id, end);
  const ChannelLog& log = subscriptions_.log(subscription.channel);
  bool is_first = true;
  for (std::uint32_t number = subscription.cursor; number != end; ++number) {
    const model::MessageRef& message = model::variant_of(log.at(number).message, outlet.is_second);
    if (message->except.has(outlet.id)) {
      pass(id, number + 1, is_first, &Part::excluded);
      continue;
    }
    is_first = false;
    add_piece(message->frame);
    add_part(id, number + 1, message).bytes = static_cast<std::uint32_t>(message->frame.size());
    if (!has_room()) return false;
  }
  return true;
}

// Passed with the entry before it, or at once when there is none to write.
void Writer::pass(SubscriptionId id, std::uint32_t cursor, bool is_first, Passed why) {
  if (is_first) {
    subscriptions_.at(id).cursor = cursor;
    ++(why == &Part::excluded ? counters_.excluded : counters_.filtered);
    return;
  }
  parts_.back().cursor_after = cursor;
  ++(parts_.back().*why);
}

bool Writer::gather_tracked(const Outlet& outlet, SubscriptionId id, std::uint32_t end) {
  const Subscription& subscription = subscriptions_.at(id);
  const ChannelLog& log = subscriptions_.log(subscription.channel);
  bool is_first = true;
  for (std::uint32_t number = subscription.cursor;; ++number) {
    if (!gather_marks(id, number, is_first)) return false;
    if (number == end) return true;
    const Track& track = tracks_.at(id);
    const model::MessageRef& message = model::variant_of(log.at(number).message, outlet.is_second);
    if (!hears(track, *message)) {
      if (MR_PLANTED("hidden_is_left_out")) {
        journal_.leave_out(is_first ? Journal::kCertain : parts_.size() - 1, id, *message);
      }
      pass(id, number + 1, is_first, &Part::filtered);
      continue;
    }
    if (message->except.has(outlet.id)) {
      if (!MR_PLANTED("exclusion_ignored")) {
        journal_.leave_out(is_first ? Journal::kCertain : parts_.size() - 1, id, *message);
      }
      pass(id, number + 1, is_first, &Part::excluded);
      continue;
    }
    is_first = false;
    const model::Form form = choose(track, *message).form;
    if (form == model::kFullForm) journal_.give_full(parts_.size(), id, *message->entry);
    add_form(add_part(id, number + 1, message), form);
    if (!has_room()) return false;
  }
}

bool Writer::gather_marks(SubscriptionId id, std::uint32_t number, bool& is_first) {
  while (const Mark* mark = next_mark(id, number)) {
    if (!is_told(*mark)) {
      journal_.pass_mark(is_first ? Journal::kCertain : parts_.size() - 1, id);
      continue;
    }
    is_first = false;
    journal_.pass_mark(parts_.size(), id);
    add_form(add_part(id, number, mark->sync), model::kPlainForm);
    if (!has_room()) return false;
  }
  return true;
}

bool Writer::skip(SubscriptionId id) {
  Subscription& subscription = subscriptions_.at(id);
  const model::Message& message =
      *subscriptions_.log(subscription.channel).at(subscription.cursor).message;
  const Outlet& outlet = subscriptions_.outlet(subscription.outlet);
  const bool is_excluded = message.except.has(outlet.id);
  if (subscription.track != kNone) {
    pass_silent_marks(id);
    if (!hears(tracks_.at(id), message)) {
      ++counters_.filtered;
      ++subscription.cursor;
      return false;
    }
    if (!MR_PLANTED("drop_ignored")) journal_.leave_out(Journal::kCertain, id, message);
    raise_marks(id, message);
  }
  ++subscription.cursor;
  if (is_excluded) ++counters_.excluded;
  return !is_excluded;
}

// A mark with a frame waits for the socket. When it is passed, what was left out behind it must not
// count as received.
void Writer::raise_marks(SubscriptionId id, const model::Message& message) {
  Track& track = tracks_.at(id);
  if (!track.marks || !message.entry || !message.entry->is_chained()) return;
  const std::uint32_t number = subscriptions_.at(id).cursor;
  for (std::size_t i = track.marks->next; i < track.marks->list.size(); ++i) {
    Mark& mark = track.marks->list[i];
    if (static_cast<std::int32_t>(mark.at - number) > 0) return;
    mark.joined = std::max(mark.joined, message.entry->number + 1);
  }
}

void Writer::pass_silent_marks(SubscriptionId id) {
  const std::uint32_t number = subscriptions_.at(id).cursor;
  for (const Mark* mark = next_mark(id, number); mark != nullptr && !is_told(*mark);
       mark = next_mark(id, number)) {
    journal_.pass_mark(Journal::kCertain, id);
  }
}

// The next mark that stands before entry `number`.
const Mark* Writer::next_mark(SubscriptionId id, std::uint32_t number) const {
  const Track& track = tracks_.at(id);
  if (!track.marks || track.marks->next == track.marks->list.size()) return nullptr;
  const Mark& mark = track.marks->list[track.marks->next];
  return static_cast<std::int32_t>(mark.at - number) > 0 ? nullptr : &mark;
}

void Writer::gather(Outlet& outlet, bool all) {
  iovecs_.clear();
  parts_.clear();
  gathered_bytes_ = 0;
  is_cut_ = false;
  if (!gather_waiting(outlet)) return;
  if (all) return gather_all(outlet);
  for (SubscriptionId id = outlet.first_dirty; id != kNone; id = subscriptions_.at(id).next_dirty) {
    const Subscription& subscription = subscriptions_.at(id);
    if (!gather_entries(outlet, id, subscriptions_.log(subscription.channel).end())) return;
  }
}

// Each writev has one priority, as long as several wait.
void Writer::gather_all(const Outlet& outlet) {
  const Priorities waiting = priorities_of(outlet);
  is_cut_ = waiting.highest > waiting.lowest;
  for (SubscriptionId id = outlet.first; id != kNone; id = subscriptions_.at(id).next) {
    if (!subscriptions_.is_active(id)) continue;
    const Subscription& subscription = subscriptions_.at(id);
    const std::uint32_t end = is_cut_ ? end_of(outlet, id, waiting.highest)
                                      : subscriptions_.log(subscription.channel).end();
    if (is_cut_ && end == subscription.cursor) continue;
    if (!gather_entries(outlet, id, end)) return;
  }
}

Writer::Priorities Writer::priorities_of(const Outlet& outlet) const {
  Priorities found;
  for (SubscriptionId id = outlet.first; id != kNone; id = subscriptions_.at(id).next) {
    if (!subscriptions_.is_active(id)) continue;
    const Subscription& subscription = subscriptions_.at(id);
    const ChannelLog& log = subscriptions_.log(subscription.channel);
    for (std::uint32_t number = subscription.cursor; number != log.end(); ++number) {
      const model::Message& message = *log.at(number).message;
      if (!waits_for(outlet, id, message)) continue;
      found.highest = std::max(found.highest, message.priority);
      found.lowest = std::min(found.lowest, message.priority);
      if (!log.has_priorities) break;
    }
  }
  return found;
}

// Behind the last message of that priority or a higher one; the cursor when there is none.
std::uint32_t Writer::end_of(const Outlet& outlet, SubscriptionId id, std::uint8_t priority) const {
  const Subscription& subscription = subscriptions_.at(id);
  const ChannelLog& log = subscriptions_.log(subscription.channel);
  for (std::uint32_t number = log.end(); number != subscription.cursor; --number) {
    const model::Message& message = *log.at(number - 1).message;
    if (message.priority >= priority && waits_for(outlet, id, message)) return number;
  }
  return subscription.cursor;
}

bool Writer::waits_for(const Outlet& outlet, SubscriptionId id,
                       const model::Message& message) const {
  return !message.except.has(outlet.id) && (!tracks_.has(id) || hears(tracks_.at(id), message));
}

std::size_t Writer::account_waiting(Waiting& waiting, std::size_t bytes) {
  if (waiting.partial) {
    std::size_t left = 0;
    for (const std::string_view piece : waiting.partial->parts(waiting.partial_form)) {
      left += piece.size();
    }
    left -= waiting.partial_offset;
    if (bytes < left) {
      waiting.partial_offset += bytes;
      return 0;
    }
    bytes -= left;
    waiting.partial = nullptr;
    waiting.partial_offset = 0;
  }
  auto reply = waiting.replies.begin();
  for (; reply != waiting.replies.end() && bytes > 0; ++reply) {
    const std::size_t left = reply->bytes.size() - waiting.reply_offset;
    if (bytes < left) {
      waiting.reply_offset += bytes;
      bytes = 0;
      break;
    }
    bytes -= left;
    waiting.reply_bytes -= reply->bytes.size();
    waiting.reply_offset = 0;
  }
  waiting.replies.erase(waiting.replies.begin(), reply);
  return bytes;
}

void Writer::count_chained(const Part& part) {
  const model::Message& message = **part.message;
  const bool is_full = part.form == model::kFullForm;
  ++(is_full ? counters_.fulls_written : counters_.deltas_written);
  const std::uint32_t label = message.entry->label;
  if (label >= counters_.chained.size()) counters_.chained.resize(label + 1);
  ChainedFrames& chained = counters_.chained[label];
  ++(is_full ? chained.fulls : chained.deltas);
  chained.plain_bytes += message.frame.size();
  chained.bytes += part.bytes;
}

inline void Writer::account_part(Outlet& outlet, const Part& part) {
  subscriptions_.at(part.subscription).cursor = part.cursor_after;
  ++counters_.frames_written;
  counters_.excluded += part.excluded;
  counters_.filtered += part.filtered;
  if (part.form != model::kPlainForm) count_chained(part);
  if (!outlet.is_blocked || !outlet.waiting) return;
  Waiting& waiting = *outlet.waiting;
  waiting.backlog_bytes -= std::min<std::size_t>(waiting.backlog_bytes, part.bytes);
  if (waiting.backlog_frames > 0) --waiting.backlog_frames;
}

void Writer::account(Outlet& outlet, std::size_t bytes) {
  counters_.bytes_written += bytes;
  if (outlet.waiting) {
    bytes = account_waiting(*outlet.waiting, bytes);
    if (!outlet.waiting->partial && outlet.waiting->replies.empty() && !outlet.is_blocked) {
      outlet.waiting.reset();
    }
  }
  std::size_t i = 0;
  for (; i < parts_.size() && bytes > 0; ++i) {
    const Part& part = parts_[i];
    if (part.subscription == kNone) continue;
    account_part(outlet, part);
    if (bytes < part.bytes) {
      if (!outlet.waiting) outlet.waiting = std::make_unique<Waiting>();
      outlet.waiting->partial = *part.message;
      outlet.waiting->partial_form = part.form;
      outlet.waiting->partial_offset = bytes;
      bytes = 0;
    } else {
      bytes -= part.bytes;
    }
  }
  if (MR_PLANTED("partial_not_counted") && i > 0 && outlet.waiting && outlet.waiting->partial) --i;
  journal_.settle(i);
}

Writer::Outcome Writer::write(OutletId id, bool all) {
  Outlet& outlet = subscriptions_.outlet(id);
  for (;;) {
    gather(outlet, all);
    if (iovecs_.empty()) return Outcome::kDone;
    ++counters_.writes;
    const WriteResult result = wire_.write(outlet.socket, iovecs_);
    if (result.status != WriteStatus::kOk) {
      journal_.settle(0);
      return result.status == WriteStatus::kClosed ? Outcome::kBroken : Outcome::kBlocked;
    }
    const bool is_whole = result.bytes == gathered_bytes_;
    const bool is_all = iovecs_.size() < kPartsMax && gathered_bytes_ < kWriteBytesMax;
    account(outlet, result.bytes);
    // Nothing is left unless the limits of one call or priorities cut the list; look once more only
    // then.
    if (is_whole && is_all && !is_cut_) return Outcome::kDone;
  }
}

}  // namespace mr::hub
