#include "cluster/store_requests.h"

#include <utility>

namespace mr::cluster {

StoreRequests::Ticket StoreRequests::add(Store::OnAnswer done) {
  ++counters_.requests;
  waiting_.push_back({loop_.clock().now() + Store::kDeadline, std::move(done)});
  arm();
  return static_cast<Ticket>(first_ + waiting_.size() - 1);
}

bool StoreRequests::is_waiting(Ticket ticket) const {
  const auto number = static_cast<std::uint64_t>(ticket);
  return number >= first_ && number - first_ < waiting_.size() &&
         static_cast<bool>(waiting_[number - first_].done);
}

StoreRequests::Waiting* StoreRequests::find(Ticket ticket) {
  return is_waiting(ticket) ? &waiting_[static_cast<std::uint64_t>(ticket) - first_] : nullptr;
}

void StoreRequests::answer(Ticket ticket, StoreAnswer answer) {
  Waiting* const waiting = find(ticket);
  if (waiting == nullptr) return;
  if (loop_.clock().now() >= waiting->due) {
    ++counters_.late;
    answer = {};
  } else if (answer.kind == StoreAnswer::Kind::kConflict) {
    ++counters_.conflicts;
  }
  Store::OnAnswer done = std::exchange(waiting->done, nullptr);
  trim();
  done(std::move(answer));
}

void StoreRequests::fail(Ticket ticket, Failure why) {
  Waiting* const waiting = find(ticket);
  if (waiting == nullptr) return;
  fail_later(std::exchange(waiting->done, nullptr), why);
  trim();
}

void StoreRequests::fail_all(Failure why) {
  for (Waiting& waiting : waiting_) {
    if (waiting.done) fail_later(std::exchange(waiting.done, nullptr), why);
  }
  trim();
}

void StoreRequests::fail_later(Store::OnAnswer done, Failure why) {
  ++(why == Failure::kUnconnected ? counters_.unconnected
     : why == Failure::kLost      ? counters_.lost
                                  : counters_.refused);
  failed_.push_back(std::move(done));
  if (failed_.size() > 1) return;
  loop_.post([this, alive = alive_] {
    if (!*alive) return;
    std::vector<Store::OnAnswer> failed = std::exchange(failed_, {});
    for (Store::OnAnswer& each : failed) {
      if (*alive) each({});
    }
  });
}

void StoreRequests::clear() {
  *std::exchange(alive_, std::make_shared<bool>(true)) = false;
  loop_.cancel(std::exchange(timer_, net::TimerId::kNone));
  failed_.clear();
  first_ += waiting_.size();
  waiting_.clear();
}

void StoreRequests::trim() {
  while (!waiting_.empty() && !waiting_.front().done) {
    waiting_.pop_front();
    ++first_;
  }
}

void StoreRequests::arm() {
  if (timer_ != net::TimerId::kNone || waiting_.empty()) return;
  timer_ = loop_.after(waiting_.front().due - loop_.clock().now(), [this] { expire(); });
}

void StoreRequests::expire() {
  timer_ = net::TimerId::kNone;
  const base::TimePoint now = loop_.clock().now();
  std::vector<Store::OnAnswer> over;
  while (!waiting_.empty() && (!waiting_.front().done || waiting_.front().due <= now)) {
    if (waiting_.front().done) over.push_back(std::move(waiting_.front().done));
    waiting_.pop_front();
    ++first_;
  }
  counters_.late += over.size();
  arm();
  const std::shared_ptr<bool> alive = alive_;
  for (Store::OnAnswer& each : over) {
    if (*alive) each({});
  }
}

}  // namespace mr::cluster
