#include "app/development.h"

#include <chrono>
#include <utility>
#include <vector>

#include "json/writer.h"

namespace mr::app {

void DevelopmentMarket::tick() {
  const demo::Tick tick = market_.next(base::unix_ms(loop_.clock().wall_now()));
  std::vector<channel::PublishEvent> events;
  events.push_back({model::ChannelName::parse(tick.channel).value(), tick.event,
                    json::quote(tick.data), std::nullopt});
  exchange_.publish(app_, std::move(events), [](const channel::PublishOutcome&) {});
  loop_.after(std::chrono::milliseconds(1000) / demo::Market::kTicksPerSecond,
              [this] { this->tick(); });
}

}  // namespace mr::app
