#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/function.h"
#include "channel/options.h"
#include "channel/shared_state.h"
#include "cluster/cache_records.h"
#include "cluster/claims.h"
#include "cluster/hybrid_clock.h"
#include "cluster/options.h"
#include "cluster/relay.h"
#include "cluster/store.h"
#include "net/loop.h"

namespace mr::app {

// What one loop's home shares with other nodes in the broker's store: cached events and
// idempotency keys. Loop only.
class LoopState final : public channel::SharedState {
 public:
  struct Place {
    net::Loop& loop;
    cluster::BootId boot;
    const cluster::Relay& relay;
    cluster::Store& store;
  };
  using Terminate = base::Function<void(const std::string& app_id, const std::string& user_id)>;
  // `terminate` tells the other nodes.
  LoopState(const Place& place, const cluster::Options& options, const channel::Options& limits,
            Terminate terminate);

  cluster::HybridClock& clock() { return clock_; }
  cluster::CacheRecords& records() { return records_; }
  // The version of an event that another node released.
  channel::CacheVersion version_of(cluster::BootId from, const cluster::EventMessage& event);

  channel::CacheVersion next_version() override;
  void save_cached(std::uint32_t partition, const std::string& key,
                   const channel::CachedEvent& event) override;
  void read_cached(std::uint32_t partition, const std::string& key,
                   base::Function<void(std::optional<channel::StoredEvent>)> done) override;
  void claim(const std::string& key, base::Function<void(channel::Claim)> done) override;
  void settle(const std::string& key, const std::string& answer) override;
  void terminate_elsewhere(const std::string& app_id, const std::string& user_id) override;

  const cluster::CacheRecords& records() const { return records_; }
  const cluster::Claims& claims() const { return claims_; }

 private:
  const cluster::BootId boot_;
  const cluster::Relay& relay_;
  const cluster::Store& store_;
  cluster::HybridClock clock_;
  cluster::CacheRecords records_;
  cluster::Claims claims_;
  Terminate terminate_;
};

}  // namespace mr::app
