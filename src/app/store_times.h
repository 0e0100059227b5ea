#pragma once

#include "base/clock.h"
#include "cluster/store.h"
#include "config/settings.h"

namespace mr::app {

// The replay cache keeps its answers with those of idempotency keys.
base::Duration idempotency_ttl(const config::Settings& settings);

// How long what nodes share lives in the broker's store.
cluster::StoreTimes store_times(const config::Settings& settings);

}  // namespace mr::app
