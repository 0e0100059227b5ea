#pragma once

#include <cstdint>
#include <string_view>

#include "base/function.h"

namespace mr::channel {

enum class Order : std::uint8_t {
  kRelease,  // the message may go out in its turn; its chain's own count says whether in full
  kFull,     // it may, and it is full for everybody
  kDelta,    // it may, and it is not full for the sake of the interval
  kRefuse,   // it may not (a store that did not take it): the publisher gets 503
};

// What gives messages their place. The local one answers at once; a cluster's coordinator or a
// history store answers after a round trip, possibly out of order. Requests are pipelined; the
// channel releases in order of acceptance whatever the order of the answers. Every request is
// answered exactly once, on the calling loop: a source that waits for others owns the deadline
// that turns silence into an answer.
class OrderSource {
 public:
  virtual ~OrderSource() = default;
  virtual void order(std::string_view channel_key, base::Function<void(Order)> answer) = 0;
};

class LocalOrder final : public OrderSource {
 public:
  void order(std::string_view, base::Function<void(Order)> answer) override {
    answer(Order::kRelease);
  }
};

}  // namespace mr::channel
