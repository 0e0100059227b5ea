#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "cluster/bus.h"
#include "cluster/envelope.h"
#include "net/loop.h"

namespace mr::app {

// Which envelopes a tail shows, and how.
struct TailFilter {
  std::string app_id;           // empty: any; else only envelopes that have one
  std::string channel;          // the same; a `*` at the end stands for any rest
  std::set<std::string> kinds;  // cluster::name_of; empty: all
  bool with_payloads = false;
};

// Stands between a Bus and whoever uses it, and shows what passes while somebody looks: JSON
// lines, bounded in number and bytes; what is too much is left out and counted. While nobody looks
// it only hands on. That loop only.
class BusTap final : public cluster::Bus, public cluster::BusEvents {
 public:
  static constexpr std::size_t kLinesMax = 1000;
  static constexpr std::size_t kBytesMax = 1 << 20;
  static constexpr std::size_t kPayloadBytesMax = 4096;              // of one event
  static constexpr base::Duration kWatch = std::chrono::seconds(5);  // after the last look

  BusTap(net::Loop& loop, cluster::BusEvents& to, std::string_view secret)
      : loop_(loop), to_(to), codec_(secret) {}
  // Once, before anything else.
  void carry(std::unique_ptr<cluster::Bus> bus) { bus_ = std::move(bus); }
  cluster::Bus& bus() { return *bus_; }

  struct Seen {
    std::vector<std::string> lines;  // JSON objects, in order
    std::uint64_t skipped = 0;       // that matched and found no room
  };
  // What passed since the last look; from now on what this filter lets through is kept.
  Seen look(const TailFilter& filter);

  void start() override { bus_->start(); }
  void stop() override { bus_->stop(); }
  void subscribe(cluster::Subject subject, cluster::Generation generation) override {
    bus_->subscribe(subject, generation);
  }
  void unsubscribe(cluster::Subject subject) override { bus_->unsubscribe(subject); }
  bool publish(cluster::Subject subject, std::string_view envelope) override;
  void flush() override { bus_->flush(); }
  std::size_t queued_bytes() const override { return bus_->queued_bytes(); }
  std::size_t payload_bytes_max() const override { return bus_->payload_bytes_max(); }
  cluster::BusTotals totals() const override { return bus_->totals(); }

  void on_open() override { to_.on_open(); }
  void on_lost(std::string_view why) override { to_.on_lost(why); }
  void on_subscribed(cluster::Subject subject, cluster::Generation generation) override {
    to_.on_subscribed(subject, generation);
  }
  void on_interrupted(cluster::Subject subject) override { to_.on_interrupted(subject); }
  void on_envelope(cluster::Subject subject, std::string_view envelope) override;

 private:
  void keep(std::string_view direction, cluster::Subject subject, std::string_view bytes);

  net::Loop& loop_;
  cluster::BusEvents& to_;
  cluster::EnvelopeCodec codec_;
  std::unique_ptr<cluster::Bus> bus_;
  TailFilter filter_;
  base::TimePoint watched_until_{};
  Seen seen_;
  std::size_t bytes_ = 0;
};

}  // namespace mr::app
