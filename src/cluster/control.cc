#include "cluster/control.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "base/planted.h"

namespace mr::cluster {
namespace {

constexpr base::Duration kTick = std::chrono::milliseconds(250);
constexpr base::Duration kPatience = std::chrono::seconds(2);    // with the broker, at the start
constexpr base::Duration kNews = std::chrono::milliseconds(10);  // in which changes are gathered
constexpr base::Duration kEchoLate = std::chrono::milliseconds(1500);
constexpr base::Duration kEchoMax = std::chrono::seconds(2);  // until control is subscribed again

}  // namespace

Control::Control(net::Loop& loop, const Options& options, BootId self, Relays& relays)
    : loop_(loop),
      options_(options),
      self_(self),
      relays_(relays),
      codec_(options.secret),
      table_(self, options, *this),
      broadcasts_(options.queue_bytes_max) {}

Control::~Control() { stop(); }

void Control::start(Bus& bus, Registry& registry, Store& store) {
  bus_ = &bus;
  registry_ = &registry;
  commands_ = std::make_unique<CommandLog>(loop_, store, options_.secret, *this);
  started_ = loop_.clock().now();
  bus_->start();
  tick();
  beat_later();
}

void Control::stop() {
  if (bus_ == nullptr) return;
  loop_.cancel(tick_timer_);
  loop_.cancel(beat_timer_);
  bus_->stop();
  bus_ = nullptr;
}

void Control::leave(base::Task done) {
  is_leaving_ = true;
  relays_.gather_tails([this, done = std::move(done)](Tails tails) mutable {
    if (bus_ != nullptr) {
      say(LeaveMessage{std::move(tails)});
      registry_->leave(self_);
      bus_->flush();
    }
    done();
  });
}

bool Control::is_heard() const {
  return is_linked_ && loop_.clock().now() - table_.echo() <= 2 * options_.heartbeat + kTick;
}

// --- linking -----------------------------------------------------------------------------------

void Control::on_open() {
  is_open_ = true;
  ++connection_;
  problem_.clear();
  table_.open(loop_.clock().now());
  doubt();
  subscribe();
}

void Control::subscribe() {
  asked_ = loop_.clock().now();
  bus_->subscribe(Subject::kControl, static_cast<Generation>(++generations_));
}

void Control::on_subscribed(Subject subject, Generation generation) {
  if (subject != Subject::kControl || generation != static_cast<Generation>(generations_)) return;
  is_subscribed_ = true;
  doubt();
  if (!is_linked_) register_node();
}

// First our own line, then the others': of two that start at once at least one sees the other.
void Control::register_node() {
  registry_->beat(self_, options_.name,
                  [this, connection = connection_](const Registry::Lines* lines) {
                    if (lines == nullptr || connection != connection_ || !is_open_) return;
                    if (is_linked_) return;
                    is_linked_ = true;
                    const base::TimePoint now = linked_ = loop_.clock().now();
                    if (has_joined_) speaks_from_ = now + kReturnWait;
                    for (const BootId boot : *lines) table_.note(boot, now);
                    unwelcome_.clear();
                    for (const NodeLine& line : table_.lines()) {
                      if (line.is_alive && line.boot != self_) unwelcome_.push_back(line.boot);
                    }
                    say(HelloMessage{options_.name, !has_joined_});
                    commands_->read();
                    tell_relays();
                    beat();
                    join_if_welcome();
                    send_broadcasts();
                  });
}

void Control::join_if_welcome() {
  if (has_joined_ || !is_linked_) return;
  const bool is_late = loop_.clock().now() - linked_ >= kPatience;
  const bool is_due = unwelcome_.empty() && (commands_->is_read() || is_late);
  if (is_due || MR_PLANTED("joined_before_welcome")) join();
}

void Control::join() {
  has_joined_ = true;
  tell_relays();
  send_broadcasts();
}

void Control::tell_relays() {
  relays_.each([is_linked = is_linked_, has_joined = has_joined_](
                   Relay& relay) { relay.set_linked(is_linked, has_joined); },
               [] {});
}

void Control::on_lost(std::string_view why) {
  problem_ = why;
  if (is_open_) ++counters_.reconnects;
  is_open_ = is_subscribed_ = false;
  unwelcome_.clear();
  if (!is_linked_) return;
  is_linked_ = false;
  judge_shares();
  tell_relays();
}

void Control::tick() {
  tick_timer_ = loop_.after(kTick, [this] { tick(); });
  const base::TimePoint now = loop_.clock().now();
  table_.bury_silent(now);
  if (!has_joined_ && !is_linked_ && now - started_ >= kPatience) join();
  if (is_linked_ && now - table_.echo() > kEchoLate) doubt();
  judge_shares();
  if (!is_open_) return;
  const bool is_deaf = is_linked_ && now - table_.echo() >= kEchoMax;
  if ((is_deaf || !is_subscribed_) && now - asked_ >= kEchoMax) subscribe();
  if (is_subscribed_ && !is_linked_) register_node();
  // An answer may be lost; so may the question.
  if (is_linked_ && !has_joined_) say(HelloMessage{options_.name, !has_joined_});
  join_if_welcome();
  send_broadcasts();
}

// --- heartbeats --------------------------------------------------------------------------------

void Control::beat_later() {
  const auto step = options_.heartbeat / 10;
  const auto jitter = base::Duration(static_cast<std::int64_t>(
      loop_.random().below(static_cast<std::uint64_t>(2 * step.count()) + 1)));
  beat_timer_ = loop_.after(options_.heartbeat - step + jitter, [this] {
    beat_later();
    beat();
  });
}

void Control::beat() {
  if (!is_linked_ || is_leaving_) return;
  relays_.gather_tails([this](Tails tails) {
    if (bus_ == nullptr || !is_linked_ || is_leaving_) return;
    ++counters_.beats_sent;
    tell_news();
    commands_->look();
    say(BeatMessage{++beats_, options_.name, status_, std::move(tails), shares_.own().number,
                    shares_.own().digest(), facts_, load_, commands_->clock().now(),
                    commands_->digest()});
    registry_->beat(self_, options_.name, [this](const Registry::Lines* lines) {
      if (lines == nullptr || !is_linked_) return;
      for (const BootId boot : *lines) table_.note(boot, loop_.clock().now());
    });
  });
}

void Control::say(Message message, std::uint8_t priority) {
  if (bus_ == nullptr || !is_open_) return;
  Envelope envelope;
  envelope.from = self_;
  envelope.priority = priority;
  envelope.message = std::move(message);
  bus_->publish(Subject::kControl, codec_.encode(envelope));
}

void Control::describe(std::string_view status, const NodeFacts& facts, const NodeLoad& load) {
  const bool is_new = status_ != status;
  status_ = status;
  facts_ = facts;
  load_ = load;
  table_.describe_self(status, facts, load);
  if (is_new) beat();
}

// --- what is heard -----------------------------------------------------------------------------

void Control::on_envelope(Subject, std::string_view bytes) {
  counters_.bytes += bytes.size();
  auto decoded = codec_.decode(bytes);
  if (!decoded) {
    ++counters_.refused;
    relays_.on_refused(decoded.error());
    return;
  }
  const BootId from = decoded.value().from;
  Message& message = decoded.value().message;
  if (const auto* const hello = std::get_if<HelloMessage>(&message)) return hear(from, *hello);
  if (const auto* const welcome = std::get_if<WelcomeMessage>(&message)) {
    return hear(from, *welcome);
  }
  if (const auto* const beat = std::get_if<BeatMessage>(&message)) return hear(from, *beat);
  if (const auto* const leave = std::get_if<LeaveMessage>(&message)) return hear(from, *leave);
  if (const auto* const share = std::get_if<ShareMessage>(&message)) return hear(from, *share);
  if (const auto* const told = std::get_if<CommandMessage>(&message)) {
    return from == self_ ? void() : commands_->hear(*told);
  }
  if (const auto* const request = std::get_if<ShareRequest>(&message)) {
    if (request->to == self_) tell_share(from);
    return;
  }
  if (auto* const broadcast = std::get_if<BroadcastMessage>(&message)) {
    broadcast->priority = decoded.value().priority;
    return hear(from, std::move(*broadcast));
  }
  hand_on(from, std::move(message));
}

// Whoever says hello publishes when all loops of all nodes know of it: what it numbers from 1 on
// is then no unknown past.
void Control::hear(BootId from, const HelloMessage& hello) {
  if (from == self_) return;
  table_.greet(from, hello, loop_.clock().now());
  if (hello.is_joining) shares_.begin(from);
  relays_.each([](Relay&) {},
               [this, from] {
                 tell_share(from);
                 say(WelcomeMessage{from, options_.name});
               });
}

void Control::hear(BootId from, const WelcomeMessage& welcome) {
  if (welcome.to != self_) return;
  table_.note(from, loop_.clock().now());
  if (!shares_.is_known(from)) {
    say(ShareRequest{from});
    return;
  }
  std::erase(unwelcome_, from);
  join_if_welcome();
}

void Control::hear(BootId from, const BeatMessage& beat) {
  if (!table_.hear(from, beat, loop_.clock().now())) return;
  ++counters_.beats_heard;
  if (from == self_) return;
  auto tails = std::make_shared<const Tails>(beat.tails);
  relays_.each([from, tails](Relay& relay) { relay.on_tails(from, *tails); }, [] {});
  if (!shares_.check(from, beat, loop_.clock().now())) say(ShareRequest{from});
  judge_shares();
  compare(beat);
}

// What nodes have in common beside messages.
void Control::compare(const BeatMessage& beat) {
  HybridClock& clock = commands_->clock();
  if (beat.clock > clock.now()) {
    clock.observe(beat.clock);
    relays_.advance_clocks(beat.clock);
  }
  commands_->compare(beat.command_digest);
}

void Control::hear(BootId from, const LeaveMessage& leave) {
  if (from == self_) return;
  auto tails = std::make_shared<const Tails>(leave.tails);
  relays_.each([from, tails](Relay& relay) { relay.on_tails(from, *tails); }, [] {});
  table_.leave(from);
}

// What the Relays of this node are asked or told.
void Control::hand_on(BootId from, Message message) {
  std::optional<std::uint32_t> partition;
  if (const auto* const request = std::get_if<MarkRequest>(&message)) {
    if (std::ranges::find(request->wanted, self_) != request->wanted.end()) {
      partition = request->partition;
    }
  } else if (const auto* const question = std::get_if<GapQuestion>(&message)) {
    if (question->to == self_) partition = question->gap.partition;
  } else if (const auto* const answer = std::get_if<GapAnswer>(&message)) {
    if (answer->to == self_) partition = answer->gap.partition;
  }
  if (!partition) return;
  relays_.at(*partition, [from, message = std::move(message)](Relay& relay) {
    relay.on_control(from, message);
  });
}

// --- shares ------------------------------------------------------------------------------------

void Control::share(const ShareCount& count) {
  shares_.set_own(count);
  tell_news_later();
}

void Control::share(const ShareUser& user) {
  shares_.set_own(user);
  tell_news_later();
}

void Control::tell_news_later() {
  if (std::exchange(is_news_due_, true)) return;
  loop_.after(kNews, [this] {
    is_news_due_ = false;
    tell_news();
  });
}

// What is said while nobody hears it is found by the next heartbeat.
void Control::tell_news() {
  if (auto news = shares_.take_news()) say(*std::move(news));
}

void Control::tell_share(BootId to) {
  tell_news();
  for (ShareMessage& part : shares_.own_for(to)) say(std::move(part));
}

void Control::hear(BootId from, const ShareMessage& share) {
  if (from == self_ || (share.to && *share.to != self_)) return;
  std::vector<ForeignChange> changes;
  if (!shares_.hear(from, share, loop_.clock().now(), changes)) say(ShareRequest{from});
  if (!changes.empty()) relays_.hand_out(std::move(changes));
  judge_shares();
}

void Control::doubt() {
  shares_.doubt(loop_.clock().now());
  judge_shares();
}

// During an outage nodes decide by what they know.
void Control::judge_shares() {
  std::vector<BootId> others;
  for (const NodeLine& line : table_.lines()) {
    if (line.is_alive && line.boot != self_) others.push_back(line.boot);
  }
  const bool is_whole = !is_linked_ || shares_.is_whole(others);
  if (is_whole == is_whole_) return;
  is_whole_ = is_whole;
  relays_.set_whole(is_whole);
}

// --- broadcasts --------------------------------------------------------------------------------

void Control::broadcast(BroadcastMessage message) {
  broadcasts_.enqueue(std::move(message));
  send_broadcasts();
}

void Control::send_broadcasts() {
  if (!is_linked_ || !has_joined_ || is_leaving_ || loop_.clock().now() < speaks_from_) return;
  while (auto message = broadcasts_.next()) {
    const std::uint8_t priority = message->priority;
    say(*std::move(message), priority);
  }
}

void Control::hear(BootId from, BroadcastMessage broadcast) {
  if (from == self_ || !broadcasts_.hear(from, broadcast.number)) return;
  relays_.take(std::move(broadcast));
}

// --- commands ----------------------------------------------------------------------------------

void Control::terminate_user(std::string app_id, std::string user_id) {
  if (!commands_) return;
  commands_->issue(CommandKind::kTerminateUser, std::move(app_id), std::move(user_id));
}

void Control::on_command(const Command& command, base::Duration age) { relays_.obey(command, age); }

void Control::tell(CommandMessage message) { say(std::move(message)); }

// --- the table's changes -----------------------------------------------------------------------

void Control::on_joining(BootId boot) {
  broadcasts_.begin(boot);
  relays_.each([boot](Relay& relay) { relay.on_peer(boot, Relay::Peering::kJoining); }, [] {});
}

void Control::on_alive(BootId boot) {
  relays_.each([boot](Relay& relay) { relay.on_peer(boot, Relay::Peering::kAlive); }, [] {});
}

void Control::on_gone(BootId boot) {
  relays_.each([boot](Relay& relay) { relay.on_peer(boot, Relay::Peering::kGone); }, [] {});
  std::vector<ForeignChange> changes;
  shares_.drop(boot, changes);
  broadcasts_.forget(boot);
  if (!changes.empty()) relays_.hand_out(std::move(changes));
  std::erase(unwelcome_, boot);
  join_if_welcome();
}

}  // namespace mr::cluster
