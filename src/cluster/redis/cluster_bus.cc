#include "cluster/redis/cluster_bus.h"

#include <algorithm>
#include <array>
#include <utility>

#include "cluster/redis/error_text.h"

namespace mr::cluster::redis {
namespace {

constexpr base::Duration kTick = std::chrono::milliseconds(50);

// A shard says so for a moment: it is asked again.
bool is_passing(std::string_view error) {
  return std::ranges::any_of(
      std::array<std::string_view, 6>{"MOVED", "ASK", "TRYAGAIN", "CLUSTERDOWN", "LOADING",
                                      "MASTERDOWN"},
      [error](std::string_view word) { return error.starts_with(word); });
}

}  // namespace

class ClusterBus::Subscriber final : public ConnectionEvents {
 public:
  Subscriber(ClusterBus& bus, const net::Address& server)
      : bus_(bus),
        options_(options_for(bus.shards_.options(), server)),
        connection(bus.loop_, bus.resolver_, options_, *this) {}

  void on_ready() override { bus_.subscriber_ready(*this); }
  void on_push(const Reply& push) override { bus_.pushed(*this, push); }
  void on_closed(std::string_view why) override { bus_.subscriber_lost(*this, why); }

  net::Address server() const { return {options_.host, options_.port}; }
  void open() {
    is_opening = true;
    connection.open();
  }

 private:
  static RedisOptions options_for(const RedisOptions& of, const net::Address& server) {
    RedisOptions own = of;
    own.host = server.host;
    own.port = server.port;
    return own;
  }

  ClusterBus& bus_;
  const RedisOptions options_;

 public:
  bool is_opening = false;
  base::TimePoint next_try{};
  Connection connection;
};

ClusterBus::ClusterBus(net::Loop& loop, net::Resolver& resolver, RedisOptions options,
                       BusEvents& events)
    : loop_(loop),
      resolver_(resolver),
      events_(events),
      names_(options),
      shards_(loop, resolver, std::move(options), *this) {}

ClusterBus::~ClusterBus() { stop(); }

void ClusterBus::start() {
  if (std::exchange(is_started_, true)) return;
  shards_.open();
  tick_ = loop_.after(kTick, [this] { tick(); });
}

void ClusterBus::stop() {
  if (!std::exchange(is_started_, false)) return;
  is_open_ = was_lost_ = false;
  told_.clear();
  loop_.cancel(std::exchange(tick_, net::TimerId::kNone));
  wants_.clear();
  for (const auto& subscriber : subscribers_) {
    subscriber->connection.close();
    subscriber->is_opening = false;
  }
  shards_.close();
}

// --- the shards --------------------------------------------------------------------------------

void ClusterBus::on_shards_changed() {
  const std::uint16_t control = names_.slot_of(Subject::kControl);
  if (is_open_ && !shards_.is_ready(control)) {
    return lose(!counters_.last_error.empty()
                    ? counters_.last_error
                    : "the Redis Cluster takes no commands: some of its slots have no primary");
  }
  if (!is_open_ && is_started_ && shards_.is_ready(control) && shards_.is_settled()) {
    is_open_ = true;
    told_.clear();
    counters_.last_error.clear();
    if (was_lost_) ++counters_.reconnects;
    events_.on_open();
  }
  for (const Subject subject : wanted()) {
    Want* const want = find(subject);
    const net::Address* const owner = shards_.owner(names_.slot_of(subject));
    if (want == nullptr || want->at == nullptr || owner == nullptr) continue;
    if (is_same(want->at->server(), *owner)) continue;
    if (want->is_confirmed) interrupt(subject, *want);
    if (Want* const still = find(subject)) place(subject, *still);
  }
}

void ClusterBus::on_shard_lost(const net::Address& server, std::string_view why) {
  counters_.last_error = why;
  const std::uint16_t control = names_.slot_of(Subject::kControl);
  if (is_open_) {
    if (!shards_.is_ready(control)) lose(std::string(why));
    return;
  }
  was_lost_ = true;
  const net::Address* const owner = shards_.owner(control);
  const bool is_the_one = owner != nullptr && is_same(*owner, server);
  if (!told_.empty() || (shards_.is_any_up() && !is_the_one)) return;
  told_ = why;
  events_.on_lost(why);
}

void ClusterBus::lose(const std::string& why) {
  is_open_ = false;
  was_lost_ = true;
  wants_.clear();
  for (const auto& subscriber : subscribers_) {
    subscriber->connection.close();
    subscriber->is_opening = false;
  }
  counters_.last_error = told_ = why;
  events_.on_lost(why);
}

void ClusterBus::tick() {
  tick_ = loop_.after(kTick, [this] { tick(); });
  on_shards_changed();
  for (const Subject subject : wanted()) {
    Want* const want = find(subject);
    if (want == nullptr || want->is_confirmed) continue;
    want->moves = 0;
    if (want->at == nullptr) place(subject, *want);
    const bool is_away = want->at == nullptr || !want->at->connection.is_ready();
    if (is_away && subject != Subject::kControl && !shards_.is_ready(names_.slot_of(subject))) {
      interrupt(subject, *want);
    }
  }
  const base::TimePoint now = loop_.clock().now();
  const auto is_used = [this](const std::unique_ptr<Subscriber>& subscriber) {
    return std::ranges::any_of(
        wants_, [&](const auto& each) { return each.second.at == subscriber.get(); });
  };
  std::erase_if(subscribers_, [&](const std::unique_ptr<Subscriber>& subscriber) {
    if (subscriber->connection.is_ready() || subscriber->is_opening) return false;
    if (!is_used(subscriber)) return true;
    if (now >= subscriber->next_try) subscriber->open();
    return false;
  });
}

// --- subscriptions -----------------------------------------------------------------------------

std::vector<Subject> ClusterBus::wanted() const {
  std::vector<Subject> subjects;
  for (const auto& [number, want] : wants_) subjects.push_back(static_cast<Subject>(number));
  std::ranges::sort(subjects);
  return subjects;
}

ClusterBus::Want* ClusterBus::find(Subject subject) {
  const auto found = wants_.find(number_of(subject));
  return found == wants_.end() ? nullptr : &found->second;
}

ClusterBus::Subscriber& ClusterBus::subscriber_at(const net::Address& server) {
  for (const auto& subscriber : subscribers_) {
    if (is_same(subscriber->server(), server)) return *subscriber;
  }
  Subscriber& made = *subscribers_.emplace_back(std::make_unique<Subscriber>(*this, server));
  made.open();
  return made;
}

void ClusterBus::subscribe(Subject subject, Generation generation) {
  if (!is_open_) return;
  Want& want = wants_[number_of(subject)];
  want.generation = generation;
  place(subject, want);
}

void ClusterBus::unsubscribe(Subject subject) {
  const Want* const want = find(subject);
  if (want == nullptr) return;
  const Subscriber* const at = want->at;
  wants_.erase(number_of(subject));
  if (at == nullptr || !at->connection.is_ready()) return;
  subscriber_at(at->server())
      .connection.subscription("SUNSUBSCRIBE", names_.name_of(subject), [](const Reply&) {});
}

// At the shard that has its slot now; later, when nobody is known to have it.
void ClusterBus::place(Subject subject, Want& want) {
  const net::Address* const owner = shards_.owner(names_.slot_of(subject));
  want.is_confirmed = false;
  want.at = nullptr;
  if (owner == nullptr) return;
  Subscriber& subscriber = subscriber_at(*owner);
  want.at = &subscriber;
  if (!subscriber.connection.is_ready()) return;
  subscriber.connection.subscription(
      "SSUBSCRIBE", names_.name_of(subject),
      [this, &subscriber, subject, generation = want.generation](const Reply& reply) {
        confirmed(subscriber, subject, generation, reply);
      });
}

void ClusterBus::subscriber_ready(Subscriber& subscriber) {
  subscriber.is_opening = false;
  for (const Subject subject : wanted()) {
    Want* const want = find(subject);
    if (want != nullptr && want->at == &subscriber) place(subject, *want);
  }
}

void ClusterBus::subscriber_lost(Subscriber& subscriber, std::string_view why) {
  subscriber.is_opening = false;
  const auto retry = static_cast<std::uint64_t>(shards_.options().retry_min.count());
  subscriber.next_try = loop_.clock().now() + base::Duration(retry + loop_.random().below(retry));
  const Want* const control = find(Subject::kControl);
  if (control != nullptr && control->at == &subscriber) return lose(std::string(why));
  for (const Subject subject : wanted()) {
    Want* const want = find(subject);
    if (want != nullptr && want->at == &subscriber) interrupt(subject, *want);
  }
}

void ClusterBus::interrupt(Subject subject, Want& want) {
  want.at = nullptr;
  want.is_confirmed = false;
  if (!std::exchange(want.is_told, true)) events_.on_interrupted(subject);
}

void ClusterBus::confirmed(Subscriber& from, Subject subject, Generation generation,
                           const Reply& reply) {
  if (reply.is_error()) return refused(from, subject, reply);
  Want* const want = find(subject);
  if (reply.kind != Reply::Kind::kArray || want == nullptr || want->at != &from) return;
  want->is_confirmed = true;
  want->moves = 0;
  if (std::exchange(want->is_told, false)) ++counters_.resubscribed;
  events_.on_subscribed(subject, generation);
}

void ClusterBus::refused(Subscriber& from, Subject subject, const Reply& reply) {
  const std::string where = "Redis at " + from.connection.where();
  if (!is_passing(reply.text)) {
    return lose(explain(where, "SSUBSCRIBE", reply.text, shards_.options()));
  }
  Want* const want = find(subject);
  if (want == nullptr || want->at != &from) return;
  want->at = nullptr;
  const auto moved = read_redirection(reply.text, from.server().host);
  if (!moved || moved->is_ask || moved->slot != names_.slot_of(subject)) return;
  shards_.learn(*moved);
  if (want->moves++ == 0) place(subject, *want);
}

void ClusterBus::pushed(const Subscriber& from, const Reply& push) {
  const std::optional<Subject> subject = names_.subject_of(push.elements[1].text);
  Want* const want = subject ? find(*subject) : nullptr;
  const std::string& verb = push.elements[0].text;
  if (verb == "smessage") {
    if (want == nullptr) {
      ++counters_.strays;
      return;
    }
    return events_.on_envelope(*subject, push.elements[2].text);
  }
  if (verb != "sunsubscribe" || want == nullptr || want->at != &from) return;
  // Its slot has moved: the old server knows where to.
  if (*subject == Subject::kControl) return lose("the slot of the control subject has moved");
  interrupt(*subject, *want);
  if (Want* const still = find(*subject)) place(*subject, *still);
}

// --- publishing --------------------------------------------------------------------------------

bool ClusterBus::publish(Subject subject, std::string_view envelope) {
  if (!is_open_) return false;
  const std::string name = names_.name_of(subject);
  const std::array<std::string_view, 3> args{"SPUBLISH", name, envelope};
  const bool is_taken =
      shards_.command(names_.slot_of(subject), args, [this](const Reply& reply, StoreLife) {
        if (!reply.is_error()) return;
        ++counters_.publish_errors;
        counters_.last_error =
            explain("the Redis Cluster", "SPUBLISH", reply.text, shards_.options());
      });
  if (!is_taken) ++counters_.refused;
  return is_taken;
}

void ClusterBus::flush() {
  for (const auto& subscriber : subscribers_) subscriber->connection.flush();
  shards_.flush();
}

std::size_t ClusterBus::queued_bytes() const {
  std::size_t bytes = shards_.queued_bytes();
  for (const auto& subscriber : subscribers_) bytes += subscriber->connection.queued_bytes();
  return bytes;
}

}  // namespace mr::cluster::redis
