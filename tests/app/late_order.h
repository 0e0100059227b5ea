#pragma once

#include <string>
#include <utility>

#include "channel/order_source.h"
#include "net/sim/sim.h"
#include "net/sim/sim_runtime.h"

namespace mr::app::test {

// Answers 0 to 200 ms late and out of order, as a coordinator far away would, on the loop that
// asked.
class LateOrder final : public channel::OrderSource {
 public:
  explicit LateOrder(net::sim::Sim& sim) : sim_(sim) {}
  void set_runtime(net::sim::SimRuntime& runtime) { runtime_ = &runtime; }
  // Channels whose name ends with this are never late.
  void spare(std::string suffix) { spared_ = std::move(suffix); }

  void order(const channel::OrderRequest& request,
             base::Function<void(channel::Order)> answer) override {
    if (!spared_.empty() && request.channel.ends_with(spared_))
      return answer(channel::Order::kRelease);
    net::Loop& asking = asking_loop();
    const auto delay = std::chrono::microseconds(sim_.random().below(200'000));
    asking.after(delay,
                 [answer = std::move(answer)]() mutable { answer(channel::Order::kRelease); });
  }

 private:
  net::Loop& asking_loop() {
    for (std::size_t i = 0; i + 1 < runtime_->loop_count(); ++i) {
      if (runtime_->loop(i).is_current()) return runtime_->loop(i);
    }
    return runtime_->loop(runtime_->loop_count() - 1);
  }

  net::sim::Sim& sim_;
  net::sim::SimRuntime* runtime_ = nullptr;
  std::string spared_;
};

}  // namespace mr::app::test
