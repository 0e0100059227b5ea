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

// A message that wants its place. The views hold inside the call.
struct OrderRequest {
  std::string_view app_id;
  std::string_view channel;
  // Counted is what all nodes count together: messages of this node in the chains of channels
  // with coordination. `conflation_key` is the chain's as on the wire, `interval` the channel's.
  bool is_counted = false;
  std::string_view conflation_key = {};
  std::uint32_t interval = 0;
};

// What gives messages their place. The local one answers at once; a cluster's coordinator or a
// history store answers after a round trip, possibly out of order. Requests are pipelined; the
// channel releases in order of acceptance whatever the order of the answers. Every request is
// answered exactly once, on the calling loop: a source that waits for others owns the deadline
// that turns silence into an answer.
class OrderSource {
 public:
  virtual ~OrderSource() = default;
  virtual void order(const OrderRequest& request, base::Function<void(Order)> answer) = 0;
};

class LocalOrder final : public OrderSource {
 public:
  void order(const OrderRequest&, base::Function<void(Order)> answer) override {
    answer(Order::kRelease);
  }
};

}  // namespace mr::channel
