#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/attributes.h"
#include "api/errc.h"
#include "channel/service.h"
#include "json/parser.h"
#include "model/app.h"

namespace mr::api {

// What a publishing request asks for, checked against the app's limits.
struct Publication {
  std::vector<channel::PublishEvent> events;  // one per event and channel, in order
  std::vector<Attributes> wanted;             // of each of `events`
  std::size_t event_count = 0;                // as the app's rate counts them
  bool is_batch = false;
  std::optional<channel::BroadcastEvent> broadcast;  // instead of events
  std::string idempotency_key;                       // of the body; empty: none

  bool wants_counts() const;
  bool wants_level() const;
};

// Body of POST /events: {name, data, channel | channels, socket_id?, info?, idempotency_key?,
// tags?, delta?}.
base::Result<Publication, Errc> read_event(json::Parser& parser, std::string_view body,
                                           const model::AppOptions& app);
// Body of POST /batch_events: {batch: [{name, data, channel, socket_id?, info?, tags?, delta?},
// ...]}.
base::Result<Publication, Errc> read_batch(json::Parser& parser, std::string_view body,
                                           const model::AppOptions& app);

// Body of POST /broadcast: {name, data, to?, except?, priority?, idempotency_key?}. `to` is "all"
// (the default), {"user":id} or {"channel":name}, `except` {"socket_id":...}, {"node":name} or
// both. `priority` is 0 (low) to 3 (critical); the default is 2 to a user, else 1.
base::Result<Publication, Errc> read_broadcast(json::Parser& parser, std::string_view body,
                                               const model::AppOptions& app);

// {} when nothing was asked for, else {"channels":{...}} or {"batch":[...]}, and with `info=level`
// {"level":"cluster"}, or "local" when only this node's clients have it yet.
std::string write_answer(const Publication& publication, const channel::PublishOutcome& outcome);

}  // namespace mr::api
