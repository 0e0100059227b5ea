#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/function.h"
#include "model/message.h"

namespace mr::channel {

// What channel/ needs of the loops, owned by this folder; app/ implements it over net::Loop. One
// per loop; post() is the only call that reaches another loop.
class LoopPort {
 public:
  virtual ~LoopPort() = default;
  virtual std::size_t self() const = 0;
  virtual std::size_t loop_count() const = 0;
  // Runs on loop `to`, in the order of posting. `bytes` counts into that loop's mailbox.
  virtual void post(std::size_t to, base::Task task, std::size_t bytes) = 0;
  virtual std::size_t mailbox_bytes(std::size_t loop) const = 0;
  virtual void after(base::Duration delay, base::Task task) = 0;
  virtual const base::Clock& clock() const = 0;
};

// Messages were lost between nodes: of one channel, or of nobody knows which of a bus partition.
struct GapNotice {
  std::uint32_t partition = 0;
  std::string key;                      // of the channel; empty: any of the partition
  std::optional<std::uint64_t> missed;  // absent: unknown
  base::TimePoint found{};              // who came later missed none of them
};

// A loop's subscribers as a home loop sees them. Called on that loop only.
class Subscribers {
 public:
  virtual ~Subscribers() = default;
  // Appends the message to the channel's log; what is written when is the Hub's business.
  virtual void deliver(const model::MessageRef& message) = 0;
  // To this loop's connections of the app that the message's key names.
  virtual void broadcast(const model::MessageRef& /*message*/) {}
  // Tells those who asked for it.
  virtual void tell_gap(const GapNotice& /*notice*/) {}
  // Closes this loop's connections that were a user's before that time (4009); their number.
  virtual std::uint32_t terminate_user(const std::string& app_id, const std::string& user_id,
                                       base::TimePoint before) = 0;
};

}  // namespace mr::channel
