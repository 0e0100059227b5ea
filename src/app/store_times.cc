#include "app/store_times.h"

#include <algorithm>

#include "api/options.h"

namespace mr::app {

base::Duration idempotency_ttl(const config::Settings& settings) {
  const base::Duration replay = std::chrono::seconds(api::kReplayWindowSeconds);
  const base::Duration own = settings.channel.idempotency_ttl;
  return settings.rest.replay_cache ? std::max(own, replay) : own;
}

cluster::StoreTimes store_times(const config::Settings& settings) {
  cluster::StoreTimes times;
  times.cache = settings.channel.cache_ttl;
  times.idempotency = idempotency_ttl(settings);
  return times;
}

}  // namespace mr::app
