#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/flat_map.h"
#include "channel/home_channel.h"
#include "delta/form_class.h"
#include "hub/types.h"
#include "model/channel_name.h"
#include "model/delta_request.h"
#include "pusher/decode.h"

namespace mr::session {

class Session;

// What a connection asked of deltas and what it was told. Only connections that asked have one.
struct DeltaRequests {
  std::optional<model::DeltaSwitch> connection;                // absent: never asked
  base::FlatMap<std::string, model::DeltaWish> subscriptions;  // by channel
  std::optional<model::DeltaAlgorithm> confirmed;              // that the last confirmation named
  bool is_mixed = false;                                       // an earlier one named another
  std::uint32_t live = 0;  // subscriptions with deltas; max_channel_states_per_socket bounds them
  std::uint32_t resync_second = 0;  // the second counted, and how many starts were in it
  std::uint32_t resyncs_in_second = 0;
  std::vector<std::string> late;          // channels whose start waits for another second
  bool is_late_due = false;               // a look at them is scheduled
  base::FlatSet<std::string> over_limit;  // channels that are plain for want of a place
};

// How the messages of one subscription travel.
struct DeltaChoice {
  std::uint8_t form_class = delta::FormClass::kNone;
  bool wants_bases = false;
};

// Keeps what a subscribe said of deltas, or that it said nothing.
void note_wish(Session& session, const std::string& channel,
               const std::optional<model::DeltaWish>& wish);
// What one subscription gets from now on (delta-requirements D-05), within the connection's limit,
// and counts it there. `existing`: kNone when it is new.
DeltaChoice settle_deltas(Session& session, hub::SubscriptionId existing,
                          const model::ChannelName& channel);
// The answer to a start takes its place in the subscriber's stream.
void place_start(Session& session, hub::SubscriptionId id, const channel::DeltaStart& answer);
// Before the subscription ends; the class that its home counts it in.
std::uint8_t end_deltas(Session& session, hub::SubscriptionId id, const std::string& channel);

void handle_enable_delta(Session& session, const pusher::EnableDelta& event);
void handle_delta_sync_error(Session& session, const pusher::DeltaSyncError& event);
// What every subscription of the connection gets is decided again, because settings or the switch
// changed. `is_now`: starts may be asked for at once.
void settle_all_deltas(Session& session, bool is_now = true);

}  // namespace mr::session
