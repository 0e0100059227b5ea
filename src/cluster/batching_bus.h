#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/flat_map.h"
#include "cluster/batch.h"
#include "cluster/bus.h"
#include "cluster/envelope.h"
#include "cluster/options.h"
#include "net/loop.h"

namespace mr::cluster {

// Stands between a Bus and whoever uses it: envelopes of one bus partition that come close after
// each other leave as one batch, and what is long leaves compressed, as the options say. What comes
// is unpacked whatever they say. The order within a subject stays. Only messages wait, not critical
// ones; everything else leaves at once, behind what waits of its partition, and the control subject
// never waits. That loop only.
class BatchingBus final : public Bus, public BusEvents {
 public:
  static constexpr std::size_t kBatchBytesMax = 64 * 1024;  // a longer envelope goes alone
  static constexpr std::size_t kWaitingBytesMax = 1 << 20;  // of all partitions
  static constexpr std::size_t kCompressFrom = 256;         // bytes

  BatchingBus(net::Loop& loop, const Options& options, BootId self, BusEvents& to);
  ~BatchingBus() override;
  // Once, before anything else.
  void carry(std::unique_ptr<Bus> bus) { bus_ = std::move(bus); }
  Bus& bus() { return *bus_; }

  void start() override { bus_->start(); }
  void stop() override;
  void subscribe(Subject subject, Generation generation) override {
    bus_->subscribe(subject, generation);
  }
  void unsubscribe(Subject subject) override { bus_->unsubscribe(subject); }
  bool publish(Subject subject, std::string_view envelope) override;
  void flush() override;
  std::size_t queued_bytes() const override { return bus_->queued_bytes() + waiting_bytes_; }
  std::size_t payload_bytes_max() const override { return bus_->payload_bytes_max(); }
  BusTotals totals() const override;

  void on_open() override;
  void on_lost(std::string_view why) override;
  void on_subscribed(Subject subject, Generation generation) override {
    to_.on_subscribed(subject, generation);
  }
  void on_interrupted(Subject subject) override { to_.on_interrupted(subject); }
  void on_envelope(Subject subject, std::string_view bytes) override;

 private:
  struct Waiting {
    std::string envelopes;  // as BatchMessage has them
    std::uint32_t count = 0;
    std::size_t bytes = 0;  // of the envelopes alone
    bool is_stuck = false;  // the bus did not take it
  };

  bool wait(Subject subject, std::string_view envelope);
  bool send(Subject subject, Waiting& waiting);
  bool send_one(Subject subject, std::string_view envelope);
  bool send_packed(Subject subject, const Waiting& waiting);
  bool hand_on(Subject subject, std::string_view bytes, const Waiting& what);
  void send_all();
  void send_later();
  void send_after(base::Duration delay);
  void forget();
  std::size_t batch_bytes_max() const;

  net::Loop& loop_;
  const BatchOptions options_;
  const BootId self_;
  BusEvents& to_;
  EnvelopeCodec codec_;
  std::unique_ptr<Bus> bus_;
  std::optional<Deflater> deflater_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::vector<Subject> subjects_;                  // with something waiting, in the order of coming
  base::FlatMap<std::uint32_t, Waiting> waiting_;  // by number_of(subject)
  std::size_t waiting_bytes_ = 0;
  bool is_open_ = false;
  bool is_deferred_ = false;
  net::TimerId timer_ = net::TimerId::kNone;
  BusTotals totals_;
};

}  // namespace mr::cluster
