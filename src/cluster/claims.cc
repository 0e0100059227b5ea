#include "cluster/claims.h"

#include <utility>

#include "base/planted.h"

namespace mr::cluster {
namespace {

constexpr base::Duration kLook = std::chrono::milliseconds(50);
constexpr base::Duration kRetry = std::chrono::milliseconds(250);
constexpr int kTries = 12;  // of storing an answer: longer than a claim stays unchanged

// A record is one of these and what follows: the number of the claim, or the answer.
constexpr char kClaimed = 'c';
constexpr char kAnswer = 'a';

std::string claim_of(std::uint64_t id) { return kClaimed + std::to_string(id); }

RecordKey key_of(const std::string& name) { return {Space::kIdempotency, name}; }

}  // namespace

Claims::Claims(net::Loop& loop, Store& store, std::size_t held_max)
    : loop_(loop), store_(store), held_max_(held_max) {}

Claims::~Claims() { *alive_ = false; }

// --- claiming ----------------------------------------------------------------------------------

void Claims::claim(const std::string& name, OnClaimed done) {
  auto wish = std::make_shared<Wish>();
  wish->name = name;
  wish->done = std::move(done);
  wish->id = loop_.random().next();
  wish->begun = loop_.clock().now();
  take(wish, {});
}

void Claims::take(const WishRef& wish, Revision expected) {
  store_.write(key_of(wish->name), claim_of(wish->id), expected,
               [this, wish, is_over = !expected.is_absent()](const StoreAnswer& answer) {
                 switch (answer.kind) {
                   case StoreAnswer::Kind::kNone:
                     return hold(wish, {}, Kind::kUnknown);
                   case StoreAnswer::Kind::kConflict:
                     if (MR_PLANTED("claim_not_compared")) return hold(wish, {}, Kind::kWon);
                     return look(wish);
                   case StoreAnswer::Kind::kDone:
                     counters_.taken_over += is_over ? 1 : 0;
                     return hold(wish, answer.revision, Kind::kWon);
                 }
               });
}

void Claims::look(const WishRef& wish) {
  store_.read(key_of(wish->name), [this, wish](const StoreAnswer& answer) { judge(wish, answer); });
}

void Claims::judge(const WishRef& wish, const StoreAnswer& answer) {
  const base::TimePoint now = loop_.clock().now();
  const bool is_known = answer.kind == StoreAnswer::Kind::kDone;
  // Who saw another holder does not decide alone.
  if (!is_known && wish->seen.is_absent()) return hold(wish, {}, Kind::kUnknown);
  if (is_known) {
    if (answer.revision.is_absent()) return take(wish, {});
    if (answer.value.starts_with(kAnswer)) {
      ++counters_.answered;
      return wish->done(Kind::kAnswered, answer.value.substr(1));
    }
    // Our own, of which we were not told.
    if (answer.value == claim_of(wish->id)) return hold(wish, answer.revision, Kind::kWon);
    if (!(wish->seen == answer.revision)) {
      wish->seen = answer.revision;
      wish->seen_since = now;
    }
    if (now - wish->seen_since >= kSilence) return take(wish, answer.revision);
  }
  if (now - wish->begun >= kPatience) {
    ++counters_.busy;
    return wish->done(Kind::kBusy, {});
  }
  // What it holds ends with this object, not with the loop's timers.
  const std::uint64_t id = wish->id;
  waiting_[id] = wish;
  loop_.after(kLook, [this, id, alive = alive_] {
    if (!*alive) return;
    const auto found = waiting_.find(id);
    const WishRef due = std::move(found->second);
    waiting_.erase(found);
    look(due);
  });
}

void Claims::hold(const WishRef& wish, Revision revision, Kind kind) {
  ++(kind == Kind::kWon ? counters_.won : counters_.unknown);
  if (held_.size() >= held_max_) held_.erase(held_.begin());
  Held& held = held_[wish->name];
  held = {};
  held.id = wish->id;
  held.revision = revision;
  wish->done(kind, {});
}

// --- settling ----------------------------------------------------------------------------------

void Claims::settle(const std::string& name, const std::string& answer) {
  const auto found = held_.find(name);
  if (found == held_.end() || found->second.is_settled) return;
  found->second.is_settled = true;
  found->second.answer = answer;
  if (found->second.revision.is_absent()) return read_before_put(name);
  put(name);
}

void Claims::put(const std::string& name) {
  const Held& held = held_.at(name);
  auto done = [this, name, id = held.id](const StoreAnswer& answer) {
    const auto found = held_.find(name);
    if (found == held_.end() || found->second.id != id) return;
    if (answer.kind == StoreAnswer::Kind::kNone) return put_later(name);
    counters_.lost += answer.kind == StoreAnswer::Kind::kConflict ? 1 : 0;
    held_.erase(found);
  };
  if (held.answer.empty()) return store_.erase(key_of(name), held.revision, std::move(done));
  store_.write(key_of(name), kAnswer + held.answer, held.revision, std::move(done));
}

// Whether the record is as we left it is not known.
void Claims::read_before_put(const std::string& name) {
  store_.read(key_of(name), [this, name, id = held_.at(name).id](const StoreAnswer& answer) {
    const auto found = held_.find(name);
    if (found == held_.end() || found->second.id != id) return;
    Held& held = found->second;
    if (answer.kind != StoreAnswer::Kind::kDone) return put_later(name);
    const bool is_ours = answer.value == claim_of(id);
    const bool is_free = answer.revision.is_absent();
    if (is_ours || (is_free && !held.answer.empty())) {
      held.revision = answer.revision;
      return put(name);
    }
    const bool is_done = is_free || answer.value == kAnswer + held.answer;
    counters_.lost += is_done ? 0 : 1;
    held_.erase(found);
  });
}

void Claims::put_later(const std::string& name) {
  Held& held = held_.at(name);
  if (++held.tries >= kTries) {
    ++counters_.lost;
    held_.erase(name);
    return;
  }
  loop_.after(kRetry, [this, name, id = held.id, alive = alive_] {
    if (!*alive) return;
    const auto found = held_.find(name);
    if (found != held_.end() && found->second.id == id) read_before_put(name);
  });
}

}  // namespace mr::cluster
