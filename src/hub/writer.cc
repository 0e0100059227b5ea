#include "hub/writer.h"

#include <algorithm>

namespace mr::hub {
namespace {

constexpr std::size_t kPartsMax = 512;
constexpr std::size_t kWriteBytesMax = 256 * 1024;

}  // namespace

bool Writer::add(const char* data, std::size_t bytes, Part part) {
  iovecs_.push_back({const_cast<char*>(data), bytes});
  parts_.push_back(part);
  gathered_bytes_ += bytes;
  return iovecs_.size() < kPartsMax && gathered_bytes_ < kWriteBytesMax;
}

bool Writer::gather_waiting(Outlet& outlet) {
  if (!outlet.waiting) return true;
  Waiting& waiting = *outlet.waiting;
  if (waiting.partial) {
    const std::string& frame = waiting.partial->frame;
    if (!add(frame.data() + waiting.partial_offset, frame.size() - waiting.partial_offset, {})) {
      return false;
    }
  }
  std::size_t offset = waiting.reply_offset;
  for (const std::string& reply : waiting.replies) {
    if (!add(reply.data() + offset, reply.size() - offset, {})) return false;
    offset = 0;
  }
  return true;
}

bool Writer::gather_entries(const Outlet& outlet, SubscriptionId id) {
  Subscription& subscription = subscriptions_.at(id);
  if (!subscriptions_.is_active(id)) return true;
  const ChannelLog& log = subscriptions_.log(subscription.channel);
  bool is_first = true;
  for (std::uint32_t number = subscription.cursor; number != log.end(); ++number) {
    const model::MessageRef& message = log.at(number).message;
    if (message->except && *message->except == outlet.id) {
      ++counters_.excluded;
      // Passed with the entry before it, or at once when there is none to write.
      (is_first ? subscription.cursor : parts_.back().cursor_after) = number + 1;
      continue;
    }
    is_first = false;
    if (!add(message->frame.data(), message->frame.size(), {id, number + 1, &message})) {
      return false;
    }
  }
  return true;
}

void Writer::gather(Outlet& outlet, bool all) {
  iovecs_.clear();
  parts_.clear();
  gathered_bytes_ = 0;
  if (!gather_waiting(outlet)) return;
  SubscriptionId id = all ? outlet.first : outlet.first_dirty;
  while (id != kNone) {
    if (!gather_entries(outlet, id)) return;
    id = all ? subscriptions_.at(id).next : subscriptions_.at(id).next_dirty;
  }
}

std::size_t Writer::account_waiting(Waiting& waiting, std::size_t bytes) {
  if (waiting.partial) {
    const std::size_t left = waiting.partial->frame.size() - waiting.partial_offset;
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
    const std::size_t left = reply->size() - waiting.reply_offset;
    if (bytes < left) {
      waiting.reply_offset += bytes;
      bytes = 0;
      break;
    }
    bytes -= left;
    waiting.reply_bytes -= reply->size();
    waiting.reply_offset = 0;
  }
  waiting.replies.erase(waiting.replies.begin(), reply);
  return bytes;
}

void Writer::account(Outlet& outlet, std::size_t bytes) {
  counters_.bytes_written += bytes;
  if (outlet.waiting) {
    bytes = account_waiting(*outlet.waiting, bytes);
    if (!outlet.waiting->partial && outlet.waiting->replies.empty() && !outlet.is_blocked) {
      outlet.waiting.reset();
    }
  }
  for (std::size_t i = 0; i < parts_.size() && bytes > 0; ++i) {
    const Part& part = parts_[i];
    if (part.subscription == kNone) continue;
    subscriptions_.at(part.subscription).cursor = part.cursor_after;
    ++counters_.frames_written;
    const std::size_t size = iovecs_[i].iov_len;
    if (outlet.is_blocked && outlet.waiting) {
      Waiting& waiting = *outlet.waiting;
      waiting.backlog_bytes -= std::min(waiting.backlog_bytes, size);
      if (waiting.backlog_frames > 0) --waiting.backlog_frames;
    }
    if (bytes < size) {
      if (!outlet.waiting) outlet.waiting = std::make_unique<Waiting>();
      outlet.waiting->partial = *part.message;
      outlet.waiting->partial_offset = bytes;
      return;
    }
    bytes -= size;
  }
}

Writer::Outcome Writer::write(OutletId id, bool all) {
  Outlet& outlet = subscriptions_.outlet(id);
  for (;;) {
    gather(outlet, all);
    if (iovecs_.empty()) return Outcome::kDone;
    ++counters_.writes;
    const WriteResult result = wire_.write(outlet.socket, iovecs_);
    if (result.status == WriteStatus::kClosed) return Outcome::kBroken;
    if (result.status == WriteStatus::kBlocked) return Outcome::kBlocked;
    const bool is_whole = result.bytes == gathered_bytes_;
    const bool is_all = iovecs_.size() < kPartsMax && gathered_bytes_ < kWriteBytesMax;
    account(outlet, result.bytes);
    // Nothing is left unless the limits of one call cut the list; look once more only then.
    if (is_whole && is_all) return Outcome::kDone;
  }
}

}  // namespace mr::hub
