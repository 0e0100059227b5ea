#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "cluster/bus.h"
#include "cluster/nats/nats_link.h"
#include "net/loop.h"

namespace mr::cluster::nats {

// One loop's bus over the node's connection to NATS. It is open when a token of its own came back,
// and a subscription is confirmed by a token that was sent behind it. A loss is reported once, and
// again only when its reason changes; it tries again for ever. The Link outlives it. Not destroyed
// inside its own reports.
class NatsBus final : public Bus, private LinkEvents {
 public:
  struct Counters {
    std::uint64_t reconnects = 0;      // openings after a loss
    std::uint64_t publish_errors = 0;  // what NATS or its library refused
    std::uint64_t refused_full = 0;    // envelopes that found the queue full
    std::uint64_t overruns = 0;        // times that what came found no room in the loop's mailbox
    std::string last_error{};          // what was refused last, or why it was lost
  };
  // Bytes that may wait for the loop before what comes is dropped.
  static constexpr std::size_t kMailboxBytesMax = 64 << 20;

  NatsBus(net::Loop& loop, NatsLink& link, BusEvents& events,
          std::size_t mailbox_bytes_max = kMailboxBytesMax);
  NatsBus(const NatsBus&) = delete;
  NatsBus& operator=(const NatsBus&) = delete;
  ~NatsBus() override { stop(); }

  void start() override;
  void stop() override;
  void subscribe(Subject subject, Generation generation) override;
  void unsubscribe(Subject subject) override;
  bool publish(Subject subject, std::string_view envelope) override;
  void flush() override;
  std::size_t queued_bytes() const override { return queued_; }
  std::size_t payload_bytes_max() const override { return payload_bytes_max_; }

  BusTotals totals() const override {
    return {counters_.reconnects, counters_.publish_errors, counters_.refused_full,
            counters_.overruns};
  }
  const Counters& counters() const { return counters_; }

 private:
  struct Unconfirmed {
    std::uint64_t token;
    Subject subject;
    Generation generation;
  };

  void on_attached(ConnectionNumber connection, const std::string& where,
                   std::size_t payload_bytes_max) override;
  void on_refused(const std::string& why) override;
  void on_lost(ConnectionNumber connection, const std::string& why) override;
  void on_echo(ConnectionNumber connection, std::uint64_t token) override;
  void on_message(std::uint64_t number, Subject subject, std::string_view bytes) override;
  void on_written(ConnectionNumber connection, std::size_t cost) override;
  void on_error(const std::string& why) override;
  void on_overrun() override;

  void tick();
  void check_silence(base::TimePoint now);
  void opened();
  void confirm(std::uint64_t token);
  void lose(const std::string& why);
  void close();

  net::Loop& loop_;
  NatsLink& link_;
  BusEvents& events_;
  const std::size_t mailbox_bytes_max_;
  PortRef port_;  // null: not started
  net::TimerId timer_ = net::TimerId::kNone;
  ConnectionNumber connection_ = ConnectionNumber::kNone;
  std::string where_;  // of the connection
  std::size_t payload_bytes_max_ = SIZE_MAX;
  bool is_open_ = false;
  std::uint64_t tokens_ = 0;
  std::uint64_t dialled_ = 0;  // the token of the dial that is not open yet; 0: none
  bool is_probed_ = false;
  base::TimePoint heard_{};
  base::TimePoint ticked_{};

  std::deque<Unconfirmed> unconfirmed_;
  // Of each subject that is subscribed: messages of older subscriptions come from before its end.
  std::map<Subject, std::uint64_t> oldest_;
  std::uint64_t numbers_ = 0;

  NatsLink::Batch batch_;
  bool is_flush_scheduled_ = false;
  std::size_t queued_ = 0;

  std::string told_;  // the last on_lost, while it lasts
  bool was_lost_ = false;
  Counters counters_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace mr::cluster::nats
