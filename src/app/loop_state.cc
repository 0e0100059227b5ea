#include "app/loop_state.h"

#include <utility>
#include <variant>

namespace mr::app {
namespace {

channel::Claim::Kind kind_of(cluster::Claims::Kind kind) {
  switch (kind) {
    case cluster::Claims::Kind::kWon:
      return channel::Claim::Kind::kWon;
    case cluster::Claims::Kind::kAnswered:
      return channel::Claim::Kind::kAnswered;
    case cluster::Claims::Kind::kBusy:
      return channel::Claim::Kind::kBusy;
    case cluster::Claims::Kind::kUnknown:
      break;
  }
  return channel::Claim::Kind::kUnknown;
}

}  // namespace

LoopState::LoopState(const Place& place, const cluster::Options& options,
                     const channel::Options& limits, Terminate terminate)
    : boot_(place.boot),
      relay_(place.relay),
      store_(place.store),
      clock_(place.loop.clock()),
      records_(place.loop, place.store, clock_, options.secret,
               {limits.cache_bytes_max, limits.cache_entries_max}),
      claims_(place.loop, place.store, limits.idempotency_entries_max),
      terminate_(std::move(terminate)) {}

// --- cached events -----------------------------------------------------------------------------

channel::CacheVersion LoopState::next_version() {
  return {clock_.next(), static_cast<std::uint64_t>(boot_), 0};
}

// An older release does not say when.
channel::CacheVersion LoopState::version_of(cluster::BootId from,
                                            const cluster::EventMessage& event) {
  clock_.observe(event.cache_time);
  const std::uint64_t time = event.cache_time == 0 ? clock_.next() : event.cache_time;
  return {time, static_cast<std::uint64_t>(from), event.sequence};
}

void LoopState::save_cached(std::uint32_t partition, const std::string& key,
                            const channel::CachedEvent& event) {
  const std::size_t end_of_app = key.find('\0');
  cluster::EventMessage message;
  message.sequence = event.version.number;
  message.app_id = key.substr(0, end_of_app);
  message.channel = key.substr(end_of_app + 1);
  message.event = event.event;
  message.data = event.data;
  message.tags = event.tags;
  message.cache_time = event.version.time;
  cluster::Envelope envelope;
  envelope.from = cluster::BootId{event.version.origin};
  envelope.message = std::move(message);
  records_.save(partition, key, envelope);
}

void LoopState::read_cached(std::uint32_t partition, const std::string& key,
                            base::Function<void(std::optional<channel::StoredEvent>)> done) {
  // Nobody waits for a broker that is away.
  if (!relay_.state().is_up || !store_.problem().empty()) return done(std::nullopt);
  records_.read(key, [this, partition,
                      done = std::move(done)](std::optional<cluster::Envelope> envelope) mutable {
    if (!envelope) return done(std::nullopt);
    auto& message = std::get<cluster::EventMessage>(envelope->message);
    channel::StoredEvent stored;
    stored.age = clock_.since(message.cache_time);
    stored.event.is_ahead = relay_.is_to_come(partition, envelope->from, message.sequence);
    stored.event.version = version_of(envelope->from, message);
    stored.event.event = std::move(message.event);
    stored.event.data = std::move(message.data);
    stored.event.tags = std::move(message.tags);
    done(std::move(stored));
  });
}

// --- idempotency keys and commands -------------------------------------------------------------

void LoopState::claim(const std::string& key, base::Function<void(channel::Claim)> done) {
  claims_.claim(key,
                [done = std::move(done)](cluster::Claims::Kind kind, std::string answer) mutable {
                  done({kind_of(kind), std::move(answer)});
                });
}

void LoopState::settle(const std::string& key, const std::string& answer) {
  claims_.settle(key, answer);
}

void LoopState::terminate_elsewhere(const std::string& app_id, const std::string& user_id) {
  terminate_(app_id, user_id);
}

}  // namespace mr::app
