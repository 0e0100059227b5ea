#include "session/deltas.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "delta/settings.h"
#include "pusher/delta_request.h"
#include "session/dialogue.h"
#include "session/sessions.h"
#include "ws/frame.h"

namespace mr::session {
namespace {

using delta::FormClass;

DeltaRequests& requests_of(Session& session) {
  if (!session.deltas) session.deltas = std::make_unique<DeltaRequests>();
  return *session.deltas;
}

std::uint8_t class_of(const Session& session, hub::SubscriptionId id) {
  const hub::Tracks& tracks = session.context.hub.tracks();
  return id != hub::kNone && tracks.has(id) ? tracks.at(id).form_class : FormClass::kNone;
}

const model::DeltaWish* wish_of(const DeltaRequests& requests, const std::string& channel) {
  const auto found = requests.subscriptions.find(channel);
  return found == requests.subscriptions.end() ? nullptr : &found->second;
}

// The names that frames may leave out: the client's default must be certain.
bool may_omit(const model::DeltaOptions& node, const DeltaRequests& requests,
              model::DeltaAlgorithm algorithm) {
  return node.omit_delta_algorithm && !requests.is_mixed && requests.confirmed == algorithm;
}

// What holds for one channel before the connection's limit.
DeltaChoice choose(const Session& session, const model::ChannelName& channel) {
  DeltaChoice choice;
  if (!session.deltas || channel.kind() == model::ChannelKind::kServerToUser) return choice;
  const DeltaRequests& requests = *session.deltas;
  const model::DeltaSettings& settings = *session.context.delta;
  const delta::ChannelSettings of_channel =
      delta::resolve_for(settings, session.app->options.id, channel.text());
  const model::DeltaWish* wish = wish_of(requests, channel.text());
  const model::DeltaSwitch* connection = requests.connection ? &*requests.connection : nullptr;
  const auto algorithm =
      delta::choose_algorithm({&settings.delta, &of_channel,
                               channel.kind() == model::ChannelKind::kEncrypted, wish, connection});
  if (!algorithm) return choice;
  FormClass form;
  form.algorithm = *algorithm;
  form.is_second = session.is_second;
  form.is_unnamed = may_omit(settings.delta, requests, *algorithm);
  // A Fossil delta has a sum of its own.
  const bool of_connection = connection != nullptr && connection->crc;
  form.has_crc = *algorithm == model::DeltaAlgorithm::kVcdiff &&
                 (wish != nullptr ? wish->crc.value_or(of_connection) : of_connection);
  choice.form_class = form.index();
  auto sync = wish != nullptr ? wish->cache_sync : std::nullopt;
  if (!sync && connection != nullptr) sync = connection->cache_sync;
  choice.wants_bases = sync.value_or(of_channel.cache_sync) == model::CacheSync::kBases;
  return choice;
}

void confirm(Session& session, DeltaRequests& requests) {
  const auto algorithm = delta::confirm(session.context.delta->delta, *requests.connection);
  if (algorithm && requests.confirmed && requests.confirmed != algorithm) requests.is_mixed = true;
  if (algorithm) requests.confirmed = algorithm;
  session.send(pusher::delta_compression_enabled(algorithm, session.is_second));
}

// The answer takes its place in the subscriber's stream, if it still is this subscription.
void start(Session& session, hub::SubscriptionId id, const DeltaChoice& choice) {
  hub::Hub& hub = session.context.hub;
  const std::string channel = channel_of(session, id);
  const std::string& app_id = session.app->options.id;
  channel::Start start;
  start.socket = session.socket_id();
  start.counted_class = hub.tracks().count_as(id, choice.form_class);
  start.form_class = choice.form_class;
  start.wants_bases = choice.wants_bases;
  session.context.exchange.start(
      app_id, channel, std::move(start),
      [&sessions = session.context.sessions, ref = session.ref,
       key = model::channel_key(app_id, channel),
       token = hub.subscriptions().at(id).token](const channel::DeltaStart& answer) {
        Session* found = sessions.find(ref);
        if (found == nullptr) return;
        const hub::SubscriptionId same =
            found->context.hub.subscriptions().find(found->outlet, key);
        if (same == hub::kNone || found->context.hub.subscriptions().at(same).token != token) {
          return;
        }
        place_start(*found, same, answer);
      });
}

// A window of one second per connection.
bool is_within_rate(Session& session, DeltaRequests& requests) {
  const std::uint32_t limit = session.context.delta->delta.max_resyncs_per_second;
  const std::uint32_t second = session.context.sessions.tick();
  if (requests.resync_second != second) {
    requests.resync_second = second;
    requests.resyncs_in_second = 0;
  }
  if (requests.resyncs_in_second >= limit) return false;
  ++requests.resyncs_in_second;
  return true;
}

void resync(Session& session, const std::string& text) {
  const hub::SubscriptionId id = session.context.hub.subscriptions().find(
      session.outlet, model::channel_key(session.app->options.id, text));
  const auto channel = model::ChannelName::parse(text, text.size());
  if (id == hub::kNone || !channel) return;
  const std::uint8_t form_class = class_of(session, id);
  // Switched off meanwhile: nothing starts, but what was asked for has to find its end.
  DeltaChoice choice = choose(session, channel.value());
  choice.form_class = form_class;
  start(session, id, choice);
}

void wait_for_rate(Session& session) {
  Sessions& sessions = session.context.sessions;
  session.context.loop.after(std::chrono::seconds(1), [&sessions, ref = session.ref] {
    Session* found = sessions.find(ref);
    if (found == nullptr || found->phase != Phase::kOpen || !found->deltas) return;
    DeltaRequests& requests = *found->deltas;
    requests.is_late_due = false;
    while (!requests.late.empty() && is_within_rate(*found, requests)) {
      const std::string channel = std::move(requests.late.front());
      requests.late.erase(requests.late.begin());
      resync(*found, channel);
    }
    if (requests.late.empty()) return;
    requests.is_late_due = true;
    wait_for_rate(*found);
  });
}

// One that waits serves all that are asked for before it.
void start_late(Session& session, hub::SubscriptionId id, const std::string& channel) {
  DeltaRequests& requests = *session.deltas;
  if (std::find(requests.late.begin(), requests.late.end(), channel) != requests.late.end()) {
    return session.context.hub.tracks().ask_once_less(id);
  }
  ++session.context.counters.delta_resyncs_late;
  requests.late.push_back(channel);
  if (!std::exchange(requests.is_late_due, true)) wait_for_rate(session);
}

// `is_now`: a start may be asked for at once; else in another second.
void settle(Session& session, hub::SubscriptionId id, bool is_now) {
  const std::string text = channel_of(session, id);
  const auto channel = model::ChannelName::parse(text, text.size());
  if (!channel) return;
  hub::Tracks& tracks = session.context.hub.tracks();
  const std::uint8_t before = class_of(session, id);
  const DeltaChoice choice = settle_deltas(session, id, channel.value());
  if (tracks.set_class(id, choice.form_class)) {
    return is_now ? start(session, id, choice) : start_late(session, id, text);
  }
  if (choice.form_class == before) return;
  channel::Start change;
  change.socket = session.socket_id();
  change.counted_class = tracks.count_as(id, choice.form_class);
  change.form_class = choice.form_class;
  session.context.exchange.recount(session.app->options.id, text, std::move(change));
}

}  // namespace

void note_wish(Session& session, const std::string& channel,
               const std::optional<model::DeltaWish>& wish) {
  if (wish) {
    requests_of(session).subscriptions[channel] = *wish;
  } else if (session.deltas) {
    session.deltas->subscriptions.erase(channel);
  }
}

void place_start(Session& session, hub::SubscriptionId id, const channel::DeltaStart& answer) {
  hub::Mark mark;
  mark.is_start = true;
  mark.joined = answer.joined;
  if (answer.sync.empty()) {
    // Nothing started; until something does, nothing counts as received.
    mark.joined = UINT64_MAX;
  } else {
    mark.sync = base::make_ref<const model::Message>(std::string(), ws::text_frame(answer.sync),
                                                     std::nullopt);
  }
  session.context.hub.place(id, std::move(mark));
}

DeltaChoice settle_deltas(Session& session, hub::SubscriptionId existing,
                          const model::ChannelName& channel) {
  DeltaChoice choice = choose(session, channel);
  if (!session.deltas) return choice;
  const bool had = class_of(session, existing) != FormClass::kNone;
  DeltaRequests& requests = *session.deltas;
  const bool is_wanted = choice.form_class != FormClass::kNone;
  const std::uint32_t limit = session.context.delta->delta.max_channel_states_per_socket;
  if (is_wanted && !had && requests.live >= limit) {
    if (requests.over_limit.insert(channel.text()).second) {
      ++session.context.counters.deltas_over_limit;
    }
    return {};
  }
  requests.over_limit.erase(channel.text());
  if (is_wanted && !had) ++requests.live;
  if (!is_wanted && had) --requests.live;
  return choice;
}

std::uint8_t end_deltas(Session& session, hub::SubscriptionId id, const std::string& channel) {
  if (session.deltas) {
    if (class_of(session, id) != FormClass::kNone) --session.deltas->live;
    session.deltas->subscriptions.erase(channel);
    std::erase(session.deltas->late, channel);
    session.deltas->over_limit.erase(channel);
  }
  return session.context.hub.tracks().count_as(id, FormClass::kNone);
}

void settle_all_deltas(Session& session, bool is_now) {
  const hub::Subscriptions& subscriptions = session.context.hub.subscriptions();
  // An answer may come at once, but no subscription ends with it.
  for (hub::SubscriptionId id = subscriptions.outlet(session.outlet).first; id != hub::kNone;
       id = subscriptions.at(id).next) {
    settle(session, id, is_now);
  }
}

void handle_enable_delta(Session& session, const pusher::EnableDelta& event) {
  DeltaRequests& requests = requests_of(session);
  requests.connection = event.asked;
  confirm(session, requests);
  settle_all_deltas(session, is_within_rate(session, requests));
}

void handle_delta_sync_error(Session& session, const pusher::DeltaSyncError& event) {
  hub::Hub& hub = session.context.hub;
  const hub::SubscriptionId id = hub.subscriptions().find(
      session.outlet, model::channel_key(session.app->options.id, event.channel));
  if (id == hub::kNone || class_of(session, id) == FormClass::kNone) {
    return session.context.counters.refuse(Refusal::kDeltaSync);
  }
  ++session.context.counters.delta_resyncs;
  hub.tracks().ask(id);
  if (is_within_rate(session, *session.deltas)) return resync(session, event.channel);
  start_late(session, id, event.channel);
}

}  // namespace mr::session
