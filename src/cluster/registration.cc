#include "cluster/registration.h"

#include <algorithm>
#include <utility>

#include "base/planted.h"
#include "cluster/record_words.h"

namespace mr::cluster {
namespace {

constexpr base::Duration kLook = std::chrono::milliseconds(250);
constexpr base::Duration kBeat = std::chrono::milliseconds(900);  // then with the next look
constexpr base::Duration kLeave = std::chrono::milliseconds(500);
constexpr base::Duration kPatience = std::chrono::seconds(2);  // with the store
constexpr int kTriesMax = 8;                                   // at once, against other writers
constexpr std::size_t kLivesWatchedMax = 64;

constexpr const char* kUnreadable =
    "the record of nodes in the broker's store is not of this version; give this cluster another "
    "prefix, or end its other nodes and delete the record";

RecordKey nodes_key() { return {Space::kState, "nodes"}; }

}  // namespace

Registration::Registration(net::Loop& loop, Store& store, BootId self, RegistrationOptions options,
                           RegistrationEvents& events)
    : loop_(loop),
      store_(store),
      self_(self),
      options_(std::move(options)),
      events_(events),
      name_(options_.name) {}

Registration::~Registration() { stop(); }

void Registration::start() {
  started_ = now();
  tick();
}

void Registration::stop() {
  loop_.cancel(timer_);
  loop_.cancel(leave_timer_);
  timer_ = net::TimerId::kNone;
}

bool Registration::is_alone() const {
  return !has_read_ && timer_ != net::TimerId::kNone && now() - started_ >= kPatience;
}

void Registration::enroll(base::Function<void(const Boots&)> done) {
  if (waiting_.empty()) waiting_since_ = now();
  waiting_.push_back(std::move(done));
  if (!is_busy_) look();
}

void Registration::leave(base::Task done) {
  is_leaving_ = true;
  deadline_ = {};
  left_ = std::move(done);
  leave_timer_ = loop_.after(kLeave, [this] { end_leave(); });
  if (!is_busy_) look();
}

void Registration::end_leave() {
  loop_.cancel(std::exchange(leave_timer_, net::TimerId::kNone));
  if (base::Task left = std::exchange(left_, nullptr)) left();
}

void Registration::tick() {
  timer_ = loop_.after(kLook, [this] { tick(); });
  if (!is_busy_) {
    tries_ = 0;
    look();
  }
  if (waiting_.empty() || now() - waiting_since_ < kPatience) return;
  for (auto& done : std::exchange(waiting_, {})) done({self_});
}

void Registration::look() {
  is_busy_ = true;
  store_.read(nodes_key(), [this](const StoreAnswer& answer) { on_read(answer); });
}

// What was seen before a read without an answer counts for nothing.
void Registration::note(const StoreAnswer& answer) {
  if (answer.kind == StoreAnswer::Kind::kNone) {
    lives_.clear();
    return;
  }
  if (lives_.size() >= kLivesWatchedMax && !lives_.contains(answer.life)) lives_.clear();
  lives_.try_emplace(answer.life, now());
}

bool Registration::is_open(StoreLife life) const {
  if (MR_PLANTED("raised_in_a_new_store")) return true;
  return life_ != StoreLife::kNone && roll_.is_open(life_) && roll_.is_open(life);
}

void Registration::on_read(const StoreAnswer& answer) {
  note(answer);
  auto roll = answer.kind == StoreAnswer::Kind::kDone ? parse_roll(answer.value) : std::nullopt;
  problem_.clear();
  if (!roll) {
    if (answer.kind == StoreAnswer::Kind::kDone) problem_ = kUnreadable;
    seen_.clear();
    life_ = StoreLife::kNone;
    is_busy_ = false;
    return;
  }
  // The record is another one, or forgot: nobody knows how long ago its servers came up.
  if (answer.life != life_) seen_.clear();
  if (answer.revision.number == 0 && !roll_.lines.empty()) {
    lives_.clear();
    note(answer);
  }
  life_ = answer.life;
  has_read_ = true;
  const NodeRoll before = std::exchange(roll_, *std::move(roll));
  known_ = std::max(known_, roll_.epoch);
  tell_changes(before);
  observe();
  const RollLine* const own = roll_.find(self_);
  if (own == nullptr || own->epoch != epoch_) deadline_ = {};
  NodeRoll next = next_roll();
  if (next == roll_) {
    answer_waiting();
    return finish();
  }
  write(std::move(next), answer.revision);
}

void Registration::observe() {
  std::erase_if(seen_, [this](const auto& seen) { return roll_.find(seen.first) == nullptr; });
  for (const RollLine& line : roll_.lines) {
    Seen& seen = seen_[line.boot];
    if (seen.epoch == line.epoch && seen.beat == line.beat) continue;
    seen = {line.epoch, line.beat, now()};
  }
}

void Registration::tell_changes(const NodeRoll& before) {
  using Change = RegistrationEvents::Change;
  for (const RollLine& line : roll_.lines) {
    if (line.boot == self_) continue;
    const RollLine* const known = before.find(line.boot);
    if (known == nullptr) {
      events_.on_node(Change::kJoined, line);
    } else if (known->epoch != line.epoch || known->name != line.name) {
      events_.on_node(Change::kUpdated, line);
    }
  }
  for (const RollLine& line : before.lines) {
    if (line.boot == self_ || roll_.find(line.boot) != nullptr) continue;
    const bool has_left = std::ranges::any_of(
        roll_.ends, [&line](const RollEnd& end) { return end.boot == line.boot && end.has_left; });
    events_.on_node(has_left ? Change::kLeft : Change::kDied, line);
  }
}

NodeRoll Registration::next_roll() {
  NodeRoll next = roll_;
  RollLine* own = next.find(self_);
  if (is_leaving_) {
    if (own != nullptr) next.end(self_, true);
    return next;
  }
  bury_silent(next);
  own = next.find(self_);
  const bool is_renewable =
      own != nullptr && own->epoch == epoch_ && (is_valid() || MR_PLANTED("expired_term_renewed"));
  if (!is_renewable) {
    register_in(next);
  } else {
    if (now() - beat_at_ >= kBeat) ++own->beat;
    if (own->name != options_.name) choose_name(next, *own);
  }
  for (const auto& [life, since] : lives_) {
    if (now() - since >= options_.node_timeout) next.set_open(life);
  }
  return next;
}

// The new epoch follows the one before in one write. Who was not buried still holds all it had.
void Registration::register_in(NodeRoll& next) {
  RollLine* own = next.find(self_);
  const std::uint64_t epoch = std::max(next.epoch, known_) + 1;
  if (own == nullptr) {
    if (next.lines.size() >= NodeRoll::kLinesMax) return;
    own = &next.lines.emplace_back();
    own->boot = self_;
    own->since = epoch;
    own->name = options_.name;
  }
  own->epoch = next.epoch = epoch;
  own->beat = 0;
  choose_name(next, *own);
}

void Registration::choose_name(const NodeRoll& roll, RollLine& own) const {
  const bool is_taken = std::ranges::any_of(roll.lines, [this](const RollLine& other) {
    return other.boot != self_ && other.name == options_.name;
  });
  own.name = is_taken ? options_.name + "-" + boot_text(self_).substr(0, 4) : options_.name;
}

void Registration::bury_silent(NodeRoll& next) {
  if (MR_PLANTED("never_buried")) return;
  const base::Duration enough = MR_PLANTED("freed_too_early") ? 2 * kBeat : options_.node_timeout;
  for (const auto& [boot, seen] : seen_) {
    if (boot == self_ || now() - seen.since < enough) continue;
    next.end(boot, false);
    ++counters_.buried;
  }
}

void Registration::write(NodeRoll next, Revision expected) {
  known_ = std::max(known_, next.epoch);
  std::string text = encode_roll(next);
  store_.write(nodes_key(), text, expected,
               [this, next = std::move(next), sent = now()](const StoreAnswer& answer) mutable {
                 on_written(answer, std::move(next), sent);
               });
}

void Registration::on_written(const StoreAnswer& answer, NodeRoll written, base::TimePoint sent) {
  note(answer);
  if (answer.kind == StoreAnswer::Kind::kConflict && ++tries_ < kTriesMax) return look();
  if (answer.kind != StoreAnswer::Kind::kDone) return finish();
  const RollLine* const before = roll_.find(self_);
  const std::uint64_t beat = before == nullptr ? 0 : before->beat;
  const NodeRoll old = std::exchange(roll_, std::move(written));
  tell_changes(old);
  const RollLine* const own = roll_.find(self_);
  if (own == nullptr || is_leaving_) return finish();
  const base::TimePoint until = sent + options_.node_timeout * 9 / 10;
  if (own->epoch != epoch_) {
    epoch_ = own->epoch;
    deadline_ = until;
    beat_at_ = sent;
    ++counters_.registrations;
    if (std::exchange(name_, own->name) != own->name) events_.on_name(name_);
    events_.on_registered();
  } else if (own->beat != beat) {
    beat_at_ = sent;
    // An answer that lay in the socket too long renews nothing.
    if (is_valid() || MR_PLANTED("expired_term_renewed")) deadline_ = std::max(deadline_, until);
  }
  if (std::exchange(name_, own->name) != own->name) events_.on_name(name_);
  answer_waiting();
  finish();
}

void Registration::answer_waiting() {
  if (!is_valid() || waiting_.empty()) return;
  Boots boots;
  for (const RollLine& line : roll_.lines) boots.push_back(line.boot);
  for (auto& done : std::exchange(waiting_, {})) done(boots);
}

void Registration::finish() {
  is_busy_ = false;
  if (!is_leaving_) return;
  // Asked while a request was under way.
  if (roll_.find(self_) != nullptr && tries_ < kTriesMax) return look();
  end_leave();
}

}  // namespace mr::cluster
