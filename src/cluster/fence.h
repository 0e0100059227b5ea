#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "base/planted.h"
#include "cluster/lease_record.h"

namespace mr::cluster {

// Which owner's messages a receiver accepts: the highest token that it accepted, acknowledged or
// claimed itself, or a higher epoch; never an equal epoch of another boot. Where a publish cannot
// compare the lease at the broker (NATS, Redis Cluster), the first message of a token waits for a
// read of the lease that is sent after it arrived. Pure.
class Fence {
 public:
  enum class Verdict : std::uint8_t {
    kAccept,
    kRead,    // keep it, read the lease, then settle()
    kDrop,    // the lease says another one
    kRefuse,  // too low: its owner is told highest().epoch
  };
  // Where the broker compares the lease with every publish.
  explicit Fence(bool is_atomic) : is_atomic_(is_atomic) {}

  // A message. `is_fresh`: we have not been away (Attendance).
  Verdict judge(const Token& token, bool is_fresh) {
    known_ = std::max(known_, token.epoch);
    const bool is_fresh_here = is_fresh || MR_PLANTED("confirmed_for_ever");
    if (is_atomic_ || (confirmed_ == token && is_fresh_here) ||
        MR_PLANTED("first_message_unread")) {
      return accept(token, true);
    }
    return Verdict::kRead;
  }
  // One that waited, with what the read said; nothing when it was not answered in time.
  Verdict settle(const Token& token, const std::optional<Token>& owner) {
    confirmed_ = owner;
    return accept(token, owner == token);
  }
  // An owner asks before it publishes. True: acknowledged, nothing older is accepted from now on.
  bool claim(const Token& token) {
    known_ = std::max(known_, token.epoch);
    if (token.epoch > highest_.epoch) {
      highest_ = token;
      confirmed_.reset();
    }
    return token == highest_;
  }

  const Token& highest() const { return highest_; }
  // The highest epoch that anybody told of.
  std::uint64_t known() const { return known_; }

 private:
  Verdict accept(const Token& token, bool is_current) {
    bool is_high = token == highest_ || token.epoch > highest_.epoch;
    if (MR_PLANTED("equal_epoch_accepted")) is_high = token.epoch >= highest_.epoch;
    if (MR_PLANTED("older_epoch_accepted")) is_high = true;
    if (!is_high) return Verdict::kRefuse;
    if (!is_current) return Verdict::kDrop;
    highest_ = token;
    return Verdict::kAccept;
  }

  const bool is_atomic_;
  Token highest_{};
  std::optional<Token> confirmed_;
  std::uint64_t known_ = 0;
};

// Who is to be asked before an owner publishes. Whoever started, or was away, takes every
// registered node as live until it has listened for a node timeout. Pure.
class Attendance {
 public:
  Attendance(base::Duration node_timeout, base::TimePoint now)
      : node_timeout_(node_timeout), contact_(now - node_timeout) {}

  void note(BootId boot, base::TimePoint now) {
    for (Heard& heard : heard_) {
      if (heard.boot == boot) {
        heard.at = now;
        return;
      }
    }
    heard_.push_back({boot, now});
  }
  void forget(BootId boot) {
    std::erase_if(heard_, [boot](const Heard& heard) { return heard.boot == boot; });
  }
  // A heartbeat of ours of that time was acknowledged.
  void acknowledged(base::TimePoint sent, base::TimePoint now) {
    if (!is_fresh(now) && !MR_PLANTED("table_after_absence")) {
      for (Heard& heard : heard_) heard.at = now;
    }
    contact_ = std::max(contact_, sent);
  }
  bool is_fresh(base::TimePoint now) const { return now - contact_ < node_timeout_ * 9 / 10; }
  std::vector<BootId> live(base::TimePoint now) const {
    std::vector<BootId> live;
    for (const Heard& heard : heard_) {
      if (now - heard.at < node_timeout_ || !is_fresh(now)) live.push_back(heard.boot);
    }
    return live;
  }

 private:
  struct Heard {
    BootId boot = BootId::kNone;
    base::TimePoint at{};
  };
  const base::Duration node_timeout_;
  base::TimePoint contact_;
  std::vector<Heard> heard_;
};

// A new owner's question to every live node, before it publishes: repeated every kAgain until all
// have acknowledged, or a node timeout has passed. Not needed where the broker compares. Pure.
class Claim {
 public:
  static constexpr base::Duration kAgain = std::chrono::milliseconds(200);

  // `previous`: the holder that was replaced, if its token is the last that we accepted or
  // acknowledged. Its deadline has stopped it.
  Claim(const Token& token, std::vector<BootId> live, BootId previous, base::TimePoint until)
      : token_(token), missing_(std::move(live)), until_(until) {
    if (!MR_PLANTED("previous_waited_for")) std::erase(missing_, previous);
  }
  void acknowledge(BootId from, const Token& token) {
    if (token == token_) std::erase(missing_, from);
  }
  bool is_granted(base::TimePoint now) const {
    return missing_.empty() || now >= until_ || MR_PLANTED("no_acknowledgement");
  }
  const Token& token() const { return token_; }

 private:
  const Token token_;
  std::vector<BootId> missing_;
  const base::TimePoint until_;
};

}  // namespace mr::cluster
