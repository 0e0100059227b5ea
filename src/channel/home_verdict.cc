// What Home decides of a message for all nodes, where they count their full messages together.

#include <utility>

#include "base/planted.h"
#include "channel/home.h"
#include "delta/conflation_key.h"
#include "delta/place.h"
#include "delta/wire_key.h"
#include "pusher/encode.h"

namespace mr::channel {

using model::Verdict;

std::string encode(const Publish& publish) {
  if (publish.is_client_event) {
    const auto user_id =
        publish.user_id.empty() ? std::nullopt : std::optional<std::string_view>(publish.user_id);
    return pusher::client_event(publish.event, publish.channel.text(), publish.data, user_id);
  }
  return pusher::channel_event(publish.event, publish.channel.text(), publish.data);
}

// Null: every node counts the chains of this channel for itself.
const ChainOptions* Home::coordination_of(HomeChannel& channel) const {
  if (options_.chain_policy == nullptr || !options_.chain_policy->coordinates()) return nullptr;
  if (!std::exchange(channel.is_coordination_known, true)) {
    auto settings = options_.chain_policy->find(*channel.app, channel.name);
    const bool is_common = settings && settings->is_coordinated;
    channel.coordination = is_common ? std::move(settings) : nullptr;
  }
  return channel.coordination.get();
}

// Whether it is in a chain, and in which; what another node said of that stays. True: it takes a
// place in the common count.
bool Home::judge(const ChainOptions& rules, Publish& publish) const {
  if (publish.verdict != Verdict::kNone) return false;
  if (publish.conflation_key.empty()) {
    publish.conflation_key = delta::conflation_key(publish.data, rules.conflation_key);
  }
  const std::string text =
      publish.tags.empty()
          ? encode(publish)
          : pusher::tagged_event(publish.event, publish.channel.text(), publish.data, publish.tags);
  const delta::Place place =
      delta::place_of({publish.event, publish.data, text, publish.is_client_event, publish.delta},
                      rules.data_bytes_min);
  if (place == delta::Place::kOutside) publish.verdict = Verdict::kPlain;
  return place != delta::Place::kOutside && !publish.is_remote;
}

void Home::ask_for_place(HomeChannel& channel, std::uint64_t ticket) {
  Pending& pending = channel.fifo->pending.back();
  OrderRequest request = {channel.app->options.id, channel.name.text()};
  std::string chain;
  if (const ChainOptions* rules = coordination_of(channel)) {
    pending.is_judged = true;
    request.is_counted = judge(*rules, pending.publish);
    chain = delta::wire_key(pending.publish.conflation_key);
    request.interval = rules->full_message_interval;
  }
  request.conflation_key = chain;
  if (MR_PLANTED("counter_asked_after_sending") && request.is_counted) {
    order_.order(request, [](Order) {});
    return on_ordered(channel, ticket, Order::kRelease);
  }
  order_.order(request,
               [this, &channel, ticket](Order order) { on_ordered(channel, ticket, order); });
}

// At its release: only now all before it have been counted. What comes back was noted when it went.
void Home::decide(HomeChannel& channel, Pending& pending) {
  Publish& publish = pending.publish;
  if (!pending.is_judged || publish.verdict == Verdict::kPlain || publish.is_returned) return;
  const std::string chain = channel.key + '\0' + delta::wire_key(publish.conflation_key);
  if (publish.verdict == Verdict::kNone) {
    bool is_full = pending.order == Order::kFull;
    const ChainOptions* rules = coordination_of(channel);
    if (pending.order == Order::kRelease && MR_PLANTED("local_verdict_not_sent")) return;
    if (pending.order == Order::kRelease && rules != nullptr) {
      is_full = interval_counts_.is_due(chain, rules->full_message_interval);
    }
    publish.verdict = is_full ? Verdict::kFull : Verdict::kDelta;
  }
  if (pending.order == Order::kRelease && MR_PLANTED("fallback_not_counted")) return;
  interval_counts_.note(chain, publish.verdict == Verdict::kFull);
}

}  // namespace mr::channel
