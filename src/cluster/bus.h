#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "cluster/types.h"

namespace mr::cluster {

// What a Bus reports, on its loop, never inside a call to it.
class BusEvents {
 public:
  // The broker answered. Nothing of an earlier connection holds: subscribe again.
  virtual void on_open() = 0;
  // The connection is gone, or none came up; `why` names the address and the reason. The Bus tries
  // again by itself. What was published and not yet taken by the broker may be lost.
  virtual void on_lost(std::string_view why) = 0;
  // The broker confirmed this subscription: what it gets afterwards on the subject comes here. It
  // may come again for the last generation, after on_interrupted.
  virtual void on_subscribed(Subject subject, Generation generation) = 0;
  // Only this subject's subscription is lost, or cannot be made for now, while the connection
  // stands: its shard is away, or its slot moved. The Bus makes it anew and confirms it then.
  // Control is never interrupted: a Bus that loses it is lost.
  virtual void on_interrupted(Subject) {}
  // In the order in which the broker took the envelopes of one connection to one subject. One's
  // own come back too. At most once each, unless the broker doubles. The bytes are valid inside
  // the call.
  virtual void on_envelope(Subject subject, std::string_view envelope) = 0;

 protected:
  ~BusEvents() = default;
};

// What a Bus counts since it was made.
struct BusTotals {
  std::uint64_t reconnects = 0;      // openings after a loss
  std::uint64_t publish_errors = 0;  // envelopes that the broker, or its library, refused
  std::uint64_t refused_full = 0;    // envelopes that found the queue full
  std::uint64_t overruns = 0;        // times that what came found no room here
  // Of BatchingBus: what the broker was given, and what was in it.
  std::uint64_t sent_messages = 0;
  std::uint64_t sent_envelopes = 0;
  std::uint64_t sent_bytes = 0;
  std::uint64_t envelope_bytes = 0;
};

// One loop's way to the broker: memory, Redis, Redis Cluster or NATS. Loop only; outlived by its
// loop, and by the BusEvents that it was made with until stop().
class Bus {
 public:
  virtual ~Bus() = default;

  // Begins to connect, and goes on until stop().
  virtual void start() = 0;
  // Closes what is open; no report comes after it.
  virtual void stop() = 0;

  // Between on_open and on_lost; otherwise they do nothing. A second subscribe of a subject is
  // asked of the broker again and confirmed with its own generation; an earlier one that was not
  // confirmed by then may stay without.
  virtual void subscribe(Subject subject, Generation generation) = 0;
  virtual void unsubscribe(Subject subject) = 0;
  // False: nothing was taken, as there is no connection for this subject, or its queue is full;
  // another subject may find one. Envelopes of one subject keep their order. Written at the end of
  // the loop's iteration, or at flush().
  virtual bool publish(Subject subject, std::string_view envelope) = 0;
  virtual void flush() = 0;

  // Bytes that were taken and are not in the kernel yet.
  virtual std::size_t queued_bytes() const = 0;
  // The broker takes no longer envelopes, as far as is known.
  virtual std::size_t payload_bytes_max() const { return SIZE_MAX; }
  virtual BusTotals totals() const { return {}; }
};

}  // namespace mr::cluster
