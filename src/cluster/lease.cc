#include "cluster/lease.h"

#include <algorithm>
#include <utility>

#include "base/planted.h"

namespace mr::cluster {

Lease::Lease(net::Loop& loop, Store& store, RecordKey key, BootId self, LeaseEvents& events)
    : loop_(loop), store_(store), key_(std::move(key)), self_(self), events_(events), options_() {}

Lease::~Lease() { stop(); }

void Lease::start() {
  poll();
  renew_later();
}

void Lease::stop() {
  loop_.cancel(poll_timer_);
  loop_.cancel(renew_timer_);
}

bool Lease::is_held() const {
  return token_ && (now() < deadline_ || MR_PLANTED("deadline_not_checked"));
}

void Lease::poll() {
  poll_timer_ = loop_.after(options_.poll, [this] { poll(); });
  look();
}

void Lease::renew_later() {
  renew_timer_ = loop_.after(options_.renew, [this] {
    renew_later();
    if (!token_) return;
    is_renewal_due_ = true;
    if (revision_) {
      renew();
    } else {
      look();
    }
  });
}

void Lease::look() {
  store_.read(key_, [this](const StoreAnswer& answer) { on_read(answer); });
}

void Lease::on_read(const StoreAnswer& answer) {
  if (answer.kind != StoreAnswer::Kind::kDone) {
    if (!MR_PLANTED("observed_over_a_gap")) seen_.reset();
    return;
  }
  const bool is_absent = answer.revision.number == 0;
  // Another program's text is like an owner who never renews.
  const LeaseRecord record = parse_lease(answer.value).value_or(LeaseRecord{});
  if (!seen_ || seen_->revision != answer.revision) seen_ = Seen{answer.revision, now()};
  if (is_busy()) return;
  if (offered_ && record.token == *offered_ && !token_) {
    token_ = *std::exchange(offered_, std::nullopt);
    deadline_ = {};
  }
  if (token_) {
    if (record.token != *token_) return drop();
    revision_ = answer.revision;
    beat_ = record.beat;
    if (is_renewal_due_) renew();
    return;
  }
  const bool is_first_claim = record.token.boot == self_ || (is_absent && was_owner_);
  const bool is_taken_at_once = is_absent && MR_PLANTED("absent_taken_at_once");
  const base::Duration watched = now() - seen_->since;
  const base::Duration enough =
      MR_PLANTED("taken_early") ? options_.lease * 6 / 10 : options_.lease;
  if (is_first_claim || is_taken_at_once || watched >= enough) take(record, answer.revision);
}

void Lease::take(const LeaseRecord& record, Revision expected) {
  const std::uint64_t floor = MR_PLANTED("epoch_of_the_store_only")
                                  ? record.token.epoch
                                  : std::max(record.token.epoch, known_);
  const Token token{floor + 1, self_};
  is_writing_ = true;
  store_.write(key_, encode_lease({token, 0}), expected,
               [this, token, replaced = record.token, sent = now()](const StoreAnswer& answer) {
                 is_writing_ = false;
                 if (answer.kind != StoreAnswer::Kind::kDone) return;
                 revision_ = answer.revision;
                 beat_ = 0;
                 hold(token, replaced, sent);
               });
}

void Lease::hold(const Token& token, const Token& replaced, base::TimePoint sent) {
  token_ = token;
  deadline_ = sent + options_.lease * 9 / 10;
  was_owner_ = true;
  is_renewal_due_ = false;
  hear(token.epoch);
  events_.on_lease_taken(token, replaced);
}

void Lease::renew() {
  if (is_busy()) return;
  is_writing_ = true;
  is_renewal_due_ = false;
  // Known again when its answer is: a write of ours that may still land has another revision.
  const Revision expected = *std::exchange(revision_, std::nullopt);
  const bool is_first = deadline_ == base::TimePoint{};
  store_.write(key_, encode_lease({*token_, beat_ + 1}), expected,
               [this, token = *token_, is_first, sent = now()](const StoreAnswer& answer) {
                 is_writing_ = false;
                 if (!token_ || *token_ != token) return;
                 if (answer.kind == StoreAnswer::Kind::kDone) {
                   revision_ = answer.revision;
                   ++beat_;
                   const base::TimePoint from = MR_PLANTED("deadline_from_answer") ? now() : sent;
                   deadline_ = std::max(deadline_, from + options_.lease * 9 / 10);
                   if (is_first) hold(token, {}, sent);
                   return;
                 }
                 is_renewal_due_ = true;
                 if (answer.kind == StoreAnswer::Kind::kConflict) look();
               });
}

void Lease::drop() {
  token_.reset();
  revision_.reset();
  is_renewal_due_ = false;
  events_.on_lease_lost();
}

void Lease::outbid(std::uint64_t epoch) {
  hear(epoch);
  if (!token_ || epoch < token_->epoch || is_busy()) return;
  const Token token = *token_;
  drop();
  store_.read(key_, [this, token](const StoreAnswer& answer) {
    if (answer.kind != StoreAnswer::Kind::kDone || token_ || is_busy()) return;
    const auto record = parse_lease(answer.value);
    if (record && record->token == token) take(*record, answer.revision);
  });
}

void Lease::give(BootId heir, base::Function<void(std::optional<Token>)> done) {
  if (!is_held() || is_busy() || !revision_) return done(std::nullopt);
  is_giving_ = true;
  const Token next{std::max(token_->epoch, known_) + 1, heir};
  store_.write(key_, encode_lease({next, 0}), *std::exchange(revision_, std::nullopt),
               [this, next, done = std::move(done)](const StoreAnswer& answer) mutable {
                 is_giving_ = false;
                 is_renewal_due_ = true;
                 if (answer.kind != StoreAnswer::Kind::kDone) return done(std::nullopt);
                 was_owner_ = false;
                 if (token_) drop();
                 hear(next.epoch);
                 done(next);
               });
}

// An answer that lay in the socket while this process stood still says nothing about now.
void Lease::find_owner(base::Function<void(std::optional<Token>)> done) {
  store_.read(key_,
              [this, sent = now(), done = std::move(done)](const StoreAnswer& answer) mutable {
                const bool is_late = now() - sent > Store::kDeadline;
                if (answer.kind != StoreAnswer::Kind::kDone || is_late) return done(std::nullopt);
                done(parse_lease(answer.value).value_or(LeaseRecord{}).token);
              });
}

void Lease::receive(const Token& token) {
  if (token_ || token.boot != self_) return;
  offered_ = token;
  is_renewal_due_ = true;
  look();
}

}  // namespace mr::cluster
