#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/function.h"
#include "base/random.h"
#include "cluster/nats/line.h"
#include "cluster/nats/options.h"
#include "cluster/nats/session.h"
#include "cluster/store.h"
#include "json/parser.h"
#include "json/value.h"
#include "net/loop.h"

namespace mr::cluster::nats {

// The buckets of a connection, by space: one that was made anew is another life.
using KvLives = std::array<StoreLife, kSpaces>;

// What a KvLink tells one loop's store, on its loop, never inside a call.
class KvEvents {
 public:
  // The answer to a dial, or else: there is no store.
  virtual void on_open(ConnectionNumber connection, const std::string& where,
                       const KvLives& lives) = 0;
  virtual void on_refused(const std::string& why) = 0;
  // The connection is gone, for all stores of the link.
  virtual void on_lost(ConnectionNumber connection, const std::string& why) = 0;
  virtual void on_reply(ConnectionNumber connection, std::uint64_t token,
                        std::string_view bytes) = 0;
  // A request of this cost goes to the kernel now.
  virtual void on_written(ConnectionNumber connection, std::size_t cost) = 0;
  // The server did not take something; the connection goes on.
  virtual void on_error(const std::string& why) = 0;

 protected:
  ~KvEvents() = default;
};

// Where a KvLink's reports to one store go. Shared by all who may still report.
struct KvPort {
  net::Loop& loop;
  KvEvents* events;   // the loop's; null: nobody listens any more
  std::string inbox;  // replies come to "{inbox}.{token}"; no other port has it
};
using KvPortRef = std::shared_ptr<KvPort>;

// A node's one connection to JetStream for the stores of all its loops, with a bucket per space,
// which it creates: three copies where there are three servers. Every method only hands over to its
// Line, and is for any loop. What belongs to another connection than the present one does nothing.
// Outlived by the loops, and longer alive than the ports in use.
class KvLink final : private LineEvents {
 public:
  // Runs on `home` when NATS answers but has no store for us, and again when the reason changes.
  using OnMissing = base::Function<void(const std::string& why)>;

  // `home` is the loop of whoever owns it.
  KvLink(net::Loop& home, NatsOptions options, const StoreTimes& times, OnMissing on_missing);
  KvLink(const KvLink&) = delete;
  KvLink& operator=(const KvLink&) = delete;
  // Waits until no thread of libnats can report any more.
  ~KvLink();

  const NatsOptions& options() const { return line_.options(); }
  const StoreTimes& times() const { return times_; }

  // Connects and opens the buckets if nothing stands: on_open or on_refused. A server without a
  // store is asked again after ten seconds.
  void dial(KvPortRef port);
  // Its reply comes to the port's token.
  void send(KvPortRef port, ConnectionNumber connection, Session::Outgoing message);
  // The connection is lost to all.
  void drop(ConnectionNumber connection, std::string why);
  void detach(KvPortRef port);

  // What send() holds for a message.
  static std::size_t cost_of(const Session::Outgoing& message) {
    return message.bytes.size() + message.subject.size() + 128;
  }

 private:
  struct Attached {
    KvPortRef port;
    Session::Subscription replies;
  };

  void on_lost(ConnectionNumber connection, const std::string& why) override;
  void on_error(const std::string& error) override;
  bool open_buckets();
  bool open_bucket(Space space);
  bool make_bucket(Space space);
  std::optional<json::Value> ask(std::string_view verb, Space space, const std::string& body);
  std::string config_of(Space space, std::uint64_t replicas, const std::string& mark) const;
  void adapt(Space space, const json::Value& config);
  void miss(std::string why);
  void refuse(const KvPortRef& port, const std::string& why);
  void attach(const KvPortRef& port);
  void put(const KvPortRef& port, ConnectionNumber connection, const Session::Outgoing& message);

  net::Loop& home_;
  const StoreTimes times_;
  std::shared_ptr<OnMissing> on_missing_;  // home's; null: its owner ends

  // The Line's thread's.
  std::vector<Attached> ports_;
  bool is_open_ = false;  // the buckets of this connection are
  KvLives lives_{};
  std::string why_not_;  // no bucket was opened
  std::string denied_;   // what this connection was refused, in the server's words
  std::string missing_;  // why there is no store; empty: there may be one
  std::string told_;     // the last that OnMissing got
  base::TimePoint looked_{};
  bool is_fresh_ = false;         // a bucket was made just now
  base::TimePoint thin_since_{};  // three copies were refused; not: zero
  base::SystemRandom random_;
  json::Parser parser_;
  const net::SystemClock clock_;
  Line line_;
};

}  // namespace mr::cluster::nats
