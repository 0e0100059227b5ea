#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/bus_source.h"
#include "base/function.h"
#include "cluster/envelope.h"
#include "net/loop.h"

namespace mr::app {

// Sends one message through each of some subjects over a connection of its own and measures when
// it comes back: what an envelope meets between two nodes. One after another, so that they do not
// wait for each other. One use; that loop only.
class BusProbe final : public cluster::BusEvents {
 public:
  static constexpr base::Duration kPatience = std::chrono::seconds(1);   // with one subject
  static constexpr base::Duration kDeadline = std::chrono::seconds(10);  // with all

  struct Result {
    cluster::Subject subject;
    std::optional<base::Duration> round_trip;  // nothing: it did not come back
  };
  struct Report {
    std::vector<Result> results;
    std::string problem;  // why there was no connection; empty: there was
  };
  BusProbe(net::Loop& loop, BusSource& source, std::string_view secret,
           std::vector<cluster::Subject> subjects);
  ~BusProbe() { stop(); }
  // `done` runs once, on the loop, never inside the call; it may end the life of this.
  void start(base::Function<void(Report)> done);

 private:
  void on_open() override;
  void on_lost(std::string_view why) override;
  void on_subscribed(cluster::Subject subject, cluster::Generation generation) override;
  void on_envelope(cluster::Subject subject, std::string_view bytes) override;
  void next(std::optional<base::Duration> round_trip);
  void subscribe();
  void end_soon();
  void finish();
  void stop();

  net::Loop& loop_;
  BusSource& source_;
  cluster::EnvelopeCodec codec_;
  const cluster::BootId boot_;  // of no node
  const std::vector<cluster::Subject> subjects_;
  std::unique_ptr<cluster::Bus> bus_;
  base::Function<void(Report)> done_;
  Report report_;
  std::size_t at_ = 0;
  std::uint32_t generation_ = 0;
  bool is_sent_ = false;
  base::TimePoint sent_{};
  net::TimerId patience_ = net::TimerId::kNone;
  net::TimerId deadline_ = net::TimerId::kNone;
};

}  // namespace mr::app
