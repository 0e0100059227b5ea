#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/function.h"
#include "channel/cached_event.h"

namespace mr::channel {

// A cached event as the store of all nodes has it.
struct StoredEvent {
  CachedEvent event;
  base::Duration age{};  // since it was published
};

// What became of the wish to work on an idempotency key.
struct Claim {
  enum class Kind : std::uint8_t {
    kWon,       // nobody else works on it
    kAnswered,  // somebody did
    kBusy,      // somebody does, and for too long to wait for
    kUnknown,   // the store does not answer: this node decides by what it knows
  };
  Kind kind = Kind::kWon;
  std::string answer = {};  // when answered
};

// What all nodes have in common beside messages, as one home loop sees it, owned by this folder.
// Continuations run on that loop, once, possibly before the call returns. Home loop only.
class SharedState {
 public:
  virtual ~SharedState() = default;

  // Of an event that is released here now: higher than of all that were heard of.
  virtual CacheVersion next_version() = 0;
  // Keeps the event for all nodes, unless they have a newer one. `key` is channel_key().
  virtual void save_cached(std::uint32_t partition, const std::string& key,
                           const CachedEvent& event) = 0;
  // The newest event that a node kept; nothing when there is none, or the store does not answer.
  virtual void read_cached(std::uint32_t partition, const std::string& key,
                           base::Function<void(std::optional<StoredEvent>)> done) = 0;

  // Who wins works on the key, and settles it.
  virtual void claim(const std::string& key, base::Function<void(Claim)> done) = 0;
  // An empty answer gives the key back.
  virtual void settle(const std::string& key, const std::string& answer) = 0;

  // The other nodes too close the user's connections that they have now.
  virtual void terminate_elsewhere(const std::string& app_id, const std::string& user_id) = 0;
};

// Of a node alone.
class AloneState final : public SharedState {
 public:
  CacheVersion next_version() override { return {++time_, 0, 0}; }
  void save_cached(std::uint32_t, const std::string&, const CachedEvent&) override {}
  void read_cached(std::uint32_t, const std::string&,
                   base::Function<void(std::optional<StoredEvent>)> done) override {
    done(std::nullopt);
  }
  void claim(const std::string&, base::Function<void(Claim)> done) override { done({}); }
  void settle(const std::string&, const std::string&) override {}
  void terminate_elsewhere(const std::string&, const std::string&) override {}

 private:
  std::uint64_t time_ = 0;
};

}  // namespace mr::channel
