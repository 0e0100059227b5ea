#include "cluster/relay.h"

#include <algorithm>

#include "base/assert.h"
#include "base/planted.h"

namespace mr::cluster {
namespace {

constexpr base::Duration kTick = std::chrono::milliseconds(250);
constexpr base::Duration kProbe = std::chrono::seconds(1);  // of silence; and for the answer
constexpr base::Duration kMarker =
    std::chrono::seconds(1);                                // that a subscription waits for markers
constexpr base::Duration kGrace = std::chrono::seconds(1);  // a told tail may be ahead
constexpr base::Duration kPatience = std::chrono::seconds(2);  // of joins, for the broker
constexpr std::size_t kGapsMax = 1024;                         // asked for and not answered
constexpr std::size_t kTailsMax = 4096;                        // of one partition, not due yet

}  // namespace

Relay::Relay(net::Loop& loop, const Options& options, BootId self, RelayEvents& events)
    : loop_(loop),
      options_(options),
      self_(self),
      events_(events),
      codec_(options.secret),
      outbox_(options),
      parts_(options.partitions),
      down_since_(loop.clock().now()) {
  peer(self_).is_alive = true;
}

Relay::~Relay() { stop(); }

void Relay::start(Bus& bus) {
  bus_ = &bus;
  bus_->start();
  tick();
}

void Relay::stop() {
  if (bus_ == nullptr) return;
  loop_.cancel(timer_);
  bus_->stop();
  bus_ = nullptr;
}

// --- the broker --------------------------------------------------------------------------------

void Relay::on_open() {
  bus_is_open_ = true;
  if (is_linked_) begin();
}

void Relay::set_linked(bool is_linked, bool has_joined) {
  const bool was_up = is_up();
  is_linked_ = is_linked;
  has_joined_ = has_joined;
  if (is_up() && !was_up) {
    begin();
  } else if (was_up && !is_up()) {
    down_since_ = loop_.clock().now();
  }
  send_queued();
}

void Relay::begin() {
  if (was_up_) send_from_ = loop_.clock().now() + kReturnWait;
  was_up_ = true;
  events_.on_up();
  for (const auto& part : parts_) {
    if (part) subscribe(*part);
  }
  send_queued();
}

void Relay::on_lost(std::string_view) {
  if (is_up()) down_since_ = loop_.clock().now();
  bus_is_open_ = false;
  for (const auto& part : parts_) {
    if (!part) continue;
    part->state = Part::State::kAsked;
    part->probed.reset();
    if (MR_PLANTED("baseline_forgotten")) part->origins.clear();
    give_up_awaited(*part);
    open_gate(*part);
  }
}

// Right after a loss nobody waits; before the first connection a moment.
bool Relay::is_offline() const {
  if (is_up()) return false;
  if (was_up_ && !bus_is_open_) return true;
  return loop_.clock().now() - down_since_ >= kPatience;
}

void Relay::on_interrupted(Subject subject) {
  Part* const part = subject == Subject::kControl ? nullptr : find(number_of(subject));
  if (part == nullptr) return;
  part->state = Part::State::kAsked;
  part->asked = loop_.clock().now();
  part->probed.reset();
  if (!part->interrupted) part->interrupted = part->asked;
}

void Relay::on_subscribed(Subject subject, Generation generation) {
  Part* const part = subject == Subject::kControl ? nullptr : find(number_of(subject));
  if (part == nullptr) return;
  if (part->generation != generation && !MR_PLANTED("old_reply_confirms")) return;
  part->state = Part::State::kMarking;
  part->asked = part->heard = loop_.clock().now();
  part->interrupted.reset();
  part->is_deaf = false;
  part->waiting.clear();
  for (const Peer& peer : peers_) {
    if (peer.is_alive) part->waiting.push_back(peer.boot);
  }
  if (MR_PLANTED("no_markers") || MR_PLANTED("old_reply_confirms")) part->waiting.clear();
  request_markers(*part);
  switch_on_if_marked(*part);
}

// --- interest ----------------------------------------------------------------------------------

Part& Relay::want(std::uint32_t partition) {
  MR_ASSERT(partition < parts_.size(), "a partition of this cluster");
  std::unique_ptr<Part>& place = parts_[partition];
  if (!place) {
    place = std::make_unique<Part>(partition);
    place->heard = loop_.clock().now();
    subscribe(*place);
  }
  place->idle_since.reset();
  return *place;
}

void Relay::subscribe(Part& part) {
  part.generation = static_cast<Generation>(++generations_);
  part.state = Part::State::kAsked;
  part.asked = loop_.clock().now();
  if (is_up()) bus_->subscribe(partition_subject(part.number), part.generation);
}

void Relay::enter(std::uint32_t partition, base::Task join) {
  Part& part = want(partition);
  part.gate.push_back(std::move(join));
  open_gate(part);
}

void Relay::follow(std::uint32_t partition, base::Task task) {
  Part* const part = find(partition);
  if (part == nullptr || part->gate.empty()) return task();
  part->gate.push_back(std::move(task));
}

void Relay::set_occupied(std::uint32_t partition, bool is_occupied) {
  if (is_occupied) {
    ++want(partition).occupants;
    return;
  }
  Part* const part = find(partition);
  MR_ASSERT(part != nullptr && part->occupants > 0, "it was occupied");
  --part->occupants;
  if (MR_PLANTED("interest_dropped")) part->occupants = 0;
}

bool Relay::is_open(const Part& part) const {
  if (part.state == Part::State::kOn || MR_PLANTED("confirmed_before_broker")) return true;
  const bool is_shard_away =
      part.interrupted && loop_.clock().now() - *part.interrupted >= kPatience;
  return is_shard_away || is_offline();
}

// A join may enter another one, of this partition too.
void Relay::open_gate(Part& part) {
  if (part.gate.empty() || !is_open(part)) return;
  if (part.state != Part::State::kOn) {
    part.is_offline = true;
    counters_.served_offline += part.gate.size();
  }
  std::deque<base::Task> ready = std::move(part.gate);
  part.gate.clear();
  for (base::Task& task : ready) task();
}

void Relay::tick() {
  timer_ = loop_.after(kTick, [this] { tick(); });
  for (const auto& part : parts_) {
    if (!part) continue;
    watch(*part);
    open_gate(*part);
  }
  for (std::unique_ptr<Part>& part : parts_) {
    if (part && let_go(*part)) part.reset();
  }
  send_queued();
}

// The last one left a while ago.
bool Relay::let_go(Part& part) {
  if (part.is_wanted()) {
    part.idle_since.reset();
    return false;
  }
  const base::TimePoint now = loop_.clock().now();
  if (!part.idle_since) part.idle_since = now;
  if (now - *part.idle_since < options_.linger) return false;
  std::erase_if(gaps_, [&part](const Open& open) { return open.gap.partition == part.number; });
  if (is_up()) bus_->unsubscribe(partition_subject(part.number));
  return true;
}

void Relay::watch(Part& part) {
  check_due_tails(part);
  check_due_awaited(part);
  if (!is_up()) return;
  const base::TimePoint now = loop_.clock().now();
  if (part.state == Part::State::kMarking) return watch_marking(part);
  if (part.probed && now - *part.probed >= kProbe) {
    part.is_deaf = true;
    part.probed.reset();
    ++counters_.resubscribed;
    subscribe(part);
  } else if (!part.probed && now - part.heard >= kProbe && !MR_PLANTED("no_probe")) {
    part.probed = now;
    say(partition_subject(part.number), ProbeMessage{});
  }
}

void Relay::watch_marking(Part& part) {
  std::erase_if(part.waiting, [this](BootId boot) { return !peer(boot).is_alive; });
  if (loop_.clock().now() - part.asked >= kMarker && !part.waiting.empty()) {
    ++counters_.markers_late;
    part.waiting.clear();
  }
  if (!part.waiting.empty()) request_markers(part);
  switch_on_if_marked(part);
}

void Relay::request_markers(const Part& part) {
  if (part.waiting.empty()) return;
  say(Subject::kControl, MarkRequest{part.number, part.generation, part.waiting});
}

void Relay::ask_marker(const Part& part, BootId boot) {
  say(Subject::kControl, MarkRequest{part.number, part.generation, {boot}});
}

void Relay::switch_on_if_marked(Part& part) {
  if (part.state != Part::State::kMarking || !part.waiting.empty()) return;
  part.state = Part::State::kOn;
  part.is_offline = false;
  if (!part.on_since) part.on_since = loop_.clock().now();
  events_.on_doubt(part.number);
  open_gate(part);
}

// A node that is not known yet, or was taken for dead, sends what waited when it is back.
bool Relay::is_to_come(std::uint32_t partition, BootId origin, std::uint64_t number) const {
  const Part* const part = find(partition);
  if (part == nullptr || origin == self_) return false;
  const auto known = std::ranges::find(part->origins, origin, &Part::Origin::boot);
  return known == part->origins.end() || !known->is_known || known->last < number;
}

RelayState Relay::state() const {
  const base::TimePoint now = loop_.clock().now();
  const bool is_deaf = std::ranges::any_of(parts_, [now](const std::unique_ptr<Part>& part) {
    return part && (part->is_deaf || (part->state == Part::State::kAsked &&
                                      now - part->asked > kProbe + kProbe / 2));
  });
  return {is_up(), is_deaf, outbox_.queued_bytes(), outbox_.dropped()};
}

// --- nodes -------------------------------------------------------------------------------------

Relay::Peer& Relay::peer(BootId boot) {
  for (Peer& known : peers_) {
    if (known.boot == boot) return known;
  }
  Peer& made = peers_.emplace_back();
  made.boot = boot;
  return made;
}

void Relay::on_peer(BootId boot, Peering what) {
  Peer& changed = peer(boot);
  changed.is_alive = what != Peering::kGone;
  if (what == Peering::kGone) return ask_gaps(boot);
  if (what != Peering::kJoining || changed.greeted) return;
  changed.greeted = loop_.clock().now();
  for (const auto& part : parts_) {
    if (!part || part->state != Part::State::kMarking) continue;
    if (std::ranges::find(part->waiting, boot) == part->waiting.end()) {
      part->waiting.push_back(boot);
    }
  }
}

// --- order and gaps ----------------------------------------------------------------------------

void Relay::on_envelope(Subject subject, std::string_view bytes) {
  auto decoded = codec_.decode(bytes);
  const bool is_message = decoded && std::holds_alternative<EventMessage>(decoded.value().message);
  (is_message ? counters_.channel_bytes : counters_.other_bytes) += bytes.size();
  if (!decoded) {
    ++counters_.refused[std::min(static_cast<std::size_t>(decoded.error().code),
                                 counters_.refused.size() - 1)];
    events_.on_refused(decoded.error());
    return;
  }
  Envelope& envelope = decoded.value();
  Part* const part = subject == Subject::kControl ? nullptr : find(number_of(subject));
  if (part == nullptr) {
    ++counters_.unwanted;
    return;
  }
  part->heard = loop_.clock().now();
  part->probed.reset();
  part->is_deaf = false;
  if (auto* const message = std::get_if<EventMessage>(&envelope.message)) {
    message->priority = envelope.priority;
    hear(*part, envelope.from, std::move(*message));
  } else if (const auto* const mark = std::get_if<MarkMessage>(&envelope.message)) {
    if (mark->to == self_) hear(*part, envelope.from, *mark);
  }
}

void Relay::hear(Part& part, BootId from, EventMessage message) {
  Part::Origin& origin = part.origin(from);
  const bool is_own = from == self_;
  if (!origin.is_known && !part.is_served()) {
    // Its marker is still to come, and nobody is subscribed.
    if (is_own) return;
    ++counters_.before_marker;
    // The marker does not wait for its write: it is newer than the question.
    if (message.cache_time != 0) events_.on_message(from, std::move(message));
    return;
  }
  meet(part, from, message.sequence);
  const bool is_late = MR_PLANTED("duplicate_accepted") ? message.sequence < origin.last
                                                        : message.sequence <= origin.last;
  if (is_late) {
    ++counters_.duplicates;
    return;
  }
  if (!MR_PLANTED("gap_check_off")) miss_until(part, from, message.sequence - 1);
  origin.last = message.sequence;
  if (is_own && !MR_PLANTED("echo_accepted")) {
    ++counters_.echoes;
    if (message.is_ordered) hear_ordered(part, std::move(message));
    return;
  }
  ++counters_.delivered;
  events_.on_message(from, std::move(message));
}

void Relay::hear(Part& part, BootId from, const MarkMessage& mark) {
  if (mark.generation != part.generation) return;
  Part::Origin& origin = part.origin(from);
  if (origin.is_known || part.is_served()) {
    meet(part, from, mark.tail + 1);
    if (!MR_PLANTED("gap_check_off")) miss_until(part, from, mark.tail);
  } else {
    origin.is_known = true;
    origin.last = mark.tail;
  }
  if (std::exchange(origin.is_unsure, false)) events_.on_doubt(part.number);
  std::erase(part.waiting, from);
  switch_on_if_marked(part);
}

// Where an origin's numbers begin for this subscription of the partition.
void Relay::meet(Part& part, BootId boot, std::uint64_t number) {
  Part::Origin& origin = part.origin(boot);
  if (origin.is_known) return;
  origin.is_known = true;
  const std::optional<base::TimePoint>& greeted = peer(boot).greeted;
  const bool is_born_here = part.on_since && greeted && *greeted > *part.on_since;
  if (is_born_here) {
    origin.last = MR_PLANTED("first_message_is_baseline") ? number - 1 : 0;
    return;
  }
  origin.last = number - 1;
  origin.is_unsure = true;
  if (origin.last > 0) report_unknown(part.number);
  ask_marker(part, boot);
}

void Relay::miss_until(Part& part, BootId boot, std::uint64_t last) {
  Part::Origin& origin = part.origin(boot);
  if (last <= origin.last) return;
  const Gap gap{part.number, origin.last + 1, last};
  origin.last = last;
  if (boot == self_) return miss_own(gap);
  if (origin.is_unsure) return report_unknown(part.number);
  if (gaps_.size() >= kGapsMax) {
    const Open oldest = gaps_.front();
    gaps_.erase(gaps_.begin());
    report_unknown(oldest.gap.partition, oldest.found);
  }
  gaps_.push_back({boot, gap, loop_.clock().now()});
  ask_gaps(boot);
  events_.on_doubt(part.number);
}

void Relay::on_tails(BootId from, const Tails& tails) {
  if (MR_PLANTED("lost_tail_ignored")) return;
  const base::TimePoint due = loop_.clock().now() + kGrace;
  for (const auto& [partition, tail] : tails) {
    Part* const part = partition < parts_.size() ? find(partition) : nullptr;
    if (part == nullptr) continue;
    Part::Origin& origin = part->origin(from);
    if (!origin.is_known && !part->on_since) continue;
    meet(*part, from, tail + 1);
    if (tail > origin.last && part->tails.size() < kTailsMax) {
      part->tails.push_back({from, tail, due});
    }
  }
  ask_gaps(from);
}

void Relay::check_due_tails(Part& part) {
  const base::TimePoint now = loop_.clock().now();
  while (!part.tails.empty() && part.tails.front().due <= now) {
    const Part::Tail tail = part.tails.front();
    part.tails.erase(part.tails.begin());
    if (part.origin(tail.boot).is_known) miss_until(part, tail.boot, tail.number);
  }
}

// Only the origin knows which channels its numbers were for; asked again with each heartbeat.
void Relay::ask_gaps(BootId origin) {
  const bool is_alive = peer(origin).is_alive;
  std::vector<Gap> untold;
  for (const Open& open : gaps_) {
    if (open.origin != origin) continue;
    if (is_alive) {
      say(Subject::kControl, GapQuestion{origin, open.gap});
    } else {
      untold.push_back(open.gap);
    }
  }
  for (const Gap& gap : untold) settle_gap(origin, {self_, gap, false, {}});
}

void Relay::settle_gap(BootId origin, const GapAnswer& answer) {
  const auto found = std::ranges::find_if(
      gaps_, [&](const Open& open) { return open.origin == origin && open.gap == answer.gap; });
  if (found == gaps_.end()) return;
  const base::TimePoint since = found->found;
  gaps_.erase(found);
  if (!answer.is_complete) return report_unknown(answer.gap.partition, since);
  events_.on_doubt(answer.gap.partition);
  GapReport report{answer.gap.partition, since, true, answer.hits};
  for (const GapAnswer::Hit& hit : report.hits) counters_.missed += hit.count;
  events_.on_gap(report);
}

void Relay::report_unknown(std::uint32_t partition, base::TimePoint found) {
  ++counters_.gaps_unknown;
  events_.on_gap({partition, found, false, {}});
  events_.on_doubt(partition);
}

void Relay::on_control(BootId from, const Message& message) {
  if (const auto* const request = std::get_if<MarkRequest>(&message)) return answer(from, *request);
  if (const auto* const question = std::get_if<GapQuestion>(&message)) {
    return answer(from, *question);
  }
  if (const auto* const told = std::get_if<GapAnswer>(&message)) settle_gap(from, *told);
}

void Relay::answer(BootId from, const MarkRequest& request) {
  if (request.partition >= parts_.size()) return;
  const std::uint32_t partition = request.partition;
  behind_awaited(partition, [this, from, partition, generation = request.generation] {
    events_.before_mark(partition, [this, from, partition, generation] {
      say(partition_subject(partition), MarkMessage{from, generation, outbox_.tail(partition)});
    });
  });
}

void Relay::answer(BootId from, const GapQuestion& question) {
  GapAnswer found = outbox_.find(question.gap);
  found.to = from;
  say(Subject::kControl, std::move(found));
}

// --- sending -----------------------------------------------------------------------------------

std::string Relay::encode(Message message, std::uint8_t priority) {
  Envelope envelope;
  envelope.from = self_;
  envelope.priority = priority;
  envelope.message = std::move(message);
  return codec_.encode(envelope);
}

// Questions and answers are asked again where they matter; they do not wait for the broker.
bool Relay::say(Subject subject, Message message) {
  return bus_ != nullptr && bus_is_open_ && bus_->publish(subject, encode(std::move(message)));
}

std::uint64_t Relay::publish(std::uint32_t partition, EventMessage message, OnReturned done) {
  if (!done) return number_and_send(partition, std::move(message));
  publish_ordered(partition, std::move(message), std::move(done));
  return 0;
}

std::uint64_t Relay::number_and_send(std::uint32_t partition, EventMessage message) {
  // Numbered before anything may drop it: a loss is seen where it is missed.
  if (MR_PLANTED("number_after_queue") && !is_up()) return 0;
  message.sequence = outbox_.number(partition, message.app_id, message.channel, message.is_ordered);
  ++counters_.published;
  const std::uint64_t sequence = message.sequence;
  const std::uint8_t priority = message.priority;
  std::string envelope = encode(std::move(message), priority);
  const bool may_go = !outbox_.holds(partition) && is_flowing();
  if (!may_go || !bus_->publish(partition_subject(partition), envelope)) {
    outbox_.enqueue(partition, sequence, std::move(envelope), priority);
  }
  return sequence;
}

bool Relay::is_flowing() const { return may_send() && loop_.clock().now() >= send_from_; }

void Relay::send_queued() {
  if (!is_flowing()) return;
  outbox_.drain([this](std::uint32_t partition, std::string_view envelope) {
    return bus_->publish(partition_subject(partition), envelope);
  });
}

}  // namespace mr::cluster
