#include "app/samples.h"

#include <string>
#include <utility>

#include "api/errc.h"

namespace mr::app {
namespace {

using observability::SampleKind;

// A family of samples that differ in one label.
class Family {
 public:
  Family(Samples& out, SampleKind kind) : out_(out), kind_(kind) {}

  Family& add(const char* name, const char* help, double value) {
    out_.push_back({name, help, {}, value, kind_});
    return *this;
  }
  void labelled(std::pair<const char*, const char*> name_and_help,
                std::pair<const char*, std::string> label, double value) {
    out_.push_back(
        {name_and_help.first, name_and_help.second, {{label.first, label.second}}, value, kind_});
  }

 private:
  Samples& out_;
  const SampleKind kind_;
};

constexpr std::pair<const char*, const char*> kReceived = {
    "millrace_bus_received_bytes_total", "Bytes of envelopes heard from the broker, own ones too"};

double number(std::uint64_t value) { return static_cast<double>(value); }

}  // namespace

void add_hub_samples(const hub::Hub& hub, Samples& out) {
  const hub::Counters& c = hub.counters();
  const hub::Subscriptions& subscriptions = hub.subscriptions();
  Family(out, SampleKind::kGauge)
      .add("millrace_subscriptions", "Subscriptions of clients now",
           number(subscriptions.subscription_count()))
      .add("millrace_hub_log_bytes", "Frames kept for readers that have not had them",
           number(hub.log_bytes()))
      .add("millrace_blocked_connections", "Connections whose socket takes nothing now",
           number(hub.blocked_count()));
  Family counters(out, SampleKind::kCounter);
  counters
      .add("millrace_ws_frames_sent_total", "Channel frames handed to the kernel",
           number(c.frames_written))
      .add("millrace_ws_writes_total", "Write calls to client sockets", number(c.writes))
      .add("millrace_ws_bytes_sent_total", "Bytes written to client sockets",
           number(c.bytes_written))
      .add("millrace_messages_to_loops_total", "Messages that arrived for a loop's subscribers",
           number(c.appended))
      .add("millrace_frames_excluded_total", "Frames left out for the connection that sent them",
           number(c.excluded))
      .add("millrace_frames_filtered_total", "Messages that a subscriber's filter hid from it",
           number(c.filtered))
      .add("millrace_write_blocks_total", "Times a client socket was full", number(c.blocked))
      .add("millrace_hub_logs_full_total", "Times a channel's log was full and written at once",
           number(c.logs_full));
  const std::pair<const char*, const char*> drops = {
      "millrace_frames_dropped_total", "Frames or answers that a client did not get, by reason"};
  counters.labelled(drops, {"reason", "slow_consumer"}, number(c.dropped_slow));
  counters.labelled(drops, {"reason", "reply_reserve"}, number(c.replies_refused));
}

void add_session_samples(const session::Sessions& sessions, const session::Counters& c,
                         Samples& out) {
  Family(out, SampleKind::kGauge)
      .add("millrace_connections", "WebSocket connections now", number(sessions.count()));
  Family counters(out, SampleKind::kCounter);
  counters
      .add("millrace_connections_opened_total", "Connections that were established",
           number(c.opened))
      .add("millrace_ws_messages_received_total", "Messages of clients", number(c.frames_in))
      .add("millrace_ws_bytes_received_total", "Bytes read from client sockets", number(c.bytes_in))
      .add("millrace_pings_sent_total", "pusher:ping sent to silent clients", number(c.pings_sent))
      .add("millrace_client_events_total", "Client events accepted", number(c.client_events))
      .add("millrace_subscribes_total", "Subscriptions that succeeded", number(c.subscribed))
      .add("millrace_gaps_told_total", "Times a subscriber was told of lost messages",
           number(c.gaps_told))
      .add("millrace_broadcasts_total", "Broadcasts given to connections", number(c.broadcasts))
      .add("millrace_broadcasts_dropped_total",
           "Broadcasts that connections did not get, as too much waited for them",
           number(c.broadcasts_dropped))
      .add("millrace_delta_subscriptions_over_limit_total",
           "Subscriptions that are plain because their connection has too many with deltas",
           number(c.deltas_over_limit))
      .add("millrace_delta_resyncs_total", "Requests of clients for a new base",
           number(c.delta_resyncs))
      .add("millrace_delta_resyncs_late_total", "Of these, answered later for their rate",
           number(c.delta_resyncs_late));
  for (std::size_t i = 0; i < c.ended.size(); ++i) {
    counters.labelled({"millrace_connections_closed_total", "Connections that ended, by reason"},
                      {"reason", session::to_text(static_cast<session::Ending>(i))},
                      number(c.ended[i]));
  }
  for (std::size_t i = 0; i < c.refused.size(); ++i) {
    counters.labelled({"millrace_client_refusals_total", "Client messages refused, by reason"},
                      {"reason", session::to_text(static_cast<session::Refusal>(i))},
                      number(c.refused[i]));
  }
}

void add_home_samples(const channel::Home& home, const channel::Idempotency& idempotency,
                      Samples& out) {
  const channel::Home::Counters& c = home.counters();
  Family(out, SampleKind::kGauge)
      .add("millrace_channels", "Channels with subscribers or messages on their way",
           number(home.channel_count()))
      .add("millrace_cached_events", "Events kept for cache channels",
           number(home.cached().cache().size()))
      .add("millrace_idempotency_keys", "Answers kept for repeated requests",
           number(idempotency.size()));
  Family counters(out, SampleKind::kCounter);
  counters
      .add("millrace_publishes_accepted_total", "Messages accepted by their home loop",
           number(c.accepted))
      .add("millrace_publishes_released_total", "Messages released to subscribers",
           number(c.released))
      .add("millrace_release_pauses_total", "Releases that waited for a full mailbox",
           number(c.paused_mailbox));
  const std::pair<const char*, const char*> refused = {"millrace_publishes_refused_total",
                                                       "Messages refused, by reason"};
  counters.labelled(refused, {"reason", "fifo_full"}, number(c.refused_full));
  counters.labelled(refused, {"reason", "order"}, number(c.refused_order));
  counters.labelled(refused, {"reason", "cut_off"}, number(c.refused_cut_off));
  counters.labelled({"millrace_joins_refused_total", "Subscriptions refused at home, by reason"},
                    {"reason", "presence_full"}, number(c.presence_full));
  const std::pair<const char*, const char*> evicted = {
      "millrace_evictions_total", "Entries that made room for others before their time, by table"};
  counters.labelled(evicted, {"table", "cache"}, number(home.cached().cache().evicted()));
  counters.add("millrace_publishes_unheard_total",
               "Messages of other nodes for channels without a subscriber here", number(c.unheard));
  counters.labelled(evicted, {"table", "idempotency"}, number(idempotency.evicted()));
}

void add_relay_samples(const cluster::Relay& relay, const ForeignDrops& drops, Samples& out) {
  const cluster::RelayCounters& c = relay.counters();
  const cluster::RelayState state = relay.state();
  Family(out, SampleKind::kGauge)
      .add("millrace_bus_queued_bytes", "Envelopes that wait for the broker",
           number(state.queued_bytes));
  Family counters(out, SampleKind::kCounter);
  counters.add("millrace_bus_published_total", "Messages sent to other nodes", number(c.published))
      .add("millrace_bus_delivered_total", "Messages taken from other nodes", number(c.delivered))
      .add("millrace_bus_missed_total", "Messages lost between nodes, as their origins told",
           number(c.missed))
      .add("millrace_bus_gaps_unknown_total", "Losses between nodes that nobody could count",
           number(c.gaps_unknown))
      .add("millrace_bus_markers_late_total", "Bus partitions that went on without a marker",
           number(c.markers_late))
      .add("millrace_bus_resubscribed_total", "Bus partitions that were deaf",
           number(c.resubscribed))
      .add("millrace_bus_joins_offline_total", "Subscriptions confirmed without the broker",
           number(c.served_offline));
  const std::pair<const char*, const char*> ordered = {
      "millrace_bus_ordered_total",
      "Own messages of channels in the broker's order, by what became of them"};
  counters.labelled(ordered, {"result", "returned"}, number(c.ordered));
  counters.labelled(ordered, {"result", "refused"}, number(c.ordered_refused));
  counters.labelled(ordered, {"result", "unanswered"}, number(c.ordered_unanswered));
  const std::pair<const char*, const char*> dropped = {
      "millrace_bus_dropped_total", "Messages on the bus that were not delivered, by reason"};
  counters.labelled(dropped, {"reason", "echo"}, number(c.echoes));
  counters.labelled(dropped, {"reason", "duplicate"}, number(c.duplicates));
  counters.labelled(dropped, {"reason", "before_marker"}, number(c.before_marker));
  counters.labelled(dropped, {"reason", "unwanted"}, number(c.unwanted));
  counters.labelled(dropped, {"reason", "queue_full"}, number(state.queue_dropped));
  counters.labelled(dropped, {"reason", "unknown_app"}, number(drops.unknown_app));
  counters.labelled(dropped, {"reason", "bad_channel"}, number(drops.bad_channel));
  counters.labelled(kReceived, {"subject", "channels"}, number(c.channel_bytes));
  counters.labelled(kReceived, {"subject", "probes"}, number(c.other_bytes));
  for (std::size_t i = 0; i < c.refused.size(); ++i) {
    const auto reason = cluster::name_of(static_cast<cluster::EnvelopeErrc>(i));
    counters.labelled({"millrace_bus_refused_total", "Envelopes that could not be read, by reason"},
                      {"reason", std::string(reason)}, number(c.refused[i]));
  }
}

void add_state_samples(const LoopState& state, Samples& out) {
  const cluster::CacheRecordCounters& r = state.records().counters();
  Family(out, SampleKind::kGauge)
      .add("millrace_cache_writes_waiting", "Cached events that are not in the store yet",
           number(state.records().waiting()));
  Family counters(out, SampleKind::kCounter);
  const std::pair<const char*, const char*> writes = {
      "millrace_cache_writes_total", "Cached events for the store, by what became of them"};
  counters.labelled(writes, {"result", "written"}, number(r.written));
  counters.labelled(writes, {"result", "older"}, number(r.older));
  counters.labelled(writes, {"result", "unanswered"}, number(r.unanswered));
  counters.labelled(writes, {"result", "dropped"}, number(r.dropped));
  const std::pair<const char*, const char*> reads = {"millrace_cache_reads_total",
                                                     "Cached events asked of the store, by result"};
  counters.labelled(reads, {"result", "answered"}, number(r.read));
  counters.labelled(reads, {"result", "unanswered"}, number(r.unread));
  counters.labelled(reads, {"result", "refused"}, number(r.refused));
  const cluster::ClaimCounters& c = state.claims().counters();
  const std::pair<const char*, const char*> claims = {
      "millrace_idempotency_claims_total",
      "Idempotency keys asked of all nodes, by result; unknown: this node decided alone"};
  counters.labelled(claims, {"result", "won"}, number(c.won));
  counters.labelled(claims, {"result", "answered"}, number(c.answered));
  counters.labelled(claims, {"result", "busy"}, number(c.busy));
  counters.labelled(claims, {"result", "unknown"}, number(c.unknown));
  counters
      .add("millrace_idempotency_taken_over_total",
           "Of these, won from a node that left them unanswered for two seconds",
           number(c.taken_over))
      .add("millrace_idempotency_answers_lost_total", "Answers that could not be stored",
           number(c.lost));
}

namespace {

void add_command_samples(const cluster::CommandLog& log, Samples& out) {
  const cluster::CommandCounters& c = log.counters();
  Family(out, SampleKind::kGauge)
      .add("millrace_commands_known", "Commands of the last ten minutes", number(log.size()));
  const std::pair<const char*, const char*> commands = {
      "millrace_commands_total", "Commands to all nodes, by what became of them"};
  Family counters(out, SampleKind::kCounter);
  counters.labelled(commands, {"result", "issued"}, number(c.issued));
  counters.labelled(commands, {"result", "obeyed"}, number(c.obeyed));
  counters.labelled(commands, {"result", "from_log"}, number(c.from_log));
  counters.labelled(commands, {"result", "written_back"}, number(c.written_back));
  counters.labelled(commands, {"result", "forgotten"}, number(c.forgotten));
  counters.labelled(commands, {"result", "unknown_kind"}, number(c.unknown_kind));
  counters.labelled(commands, {"result", "unanswered"}, number(c.unanswered));
}

}  // namespace

void add_control_samples(const cluster::Control& control, Samples& out) {
  if (control.parts().commands != nullptr) add_command_samples(*control.parts().commands, out);
  const cluster::ControlCounters& c = control.counters();
  std::size_t alive = 0;
  for (const cluster::NodeLine& line : control.table().lines()) alive += line.is_alive ? 1 : 0;
  Family(out, SampleKind::kGauge)
      .add("millrace_cluster_nodes", "Live nodes that this one knows, itself included",
           number(alive))
      .add("millrace_cluster_up", "1 while our own heartbeats come back from the broker",
           control.is_heard() ? 1 : 0);
  Family counters(out, SampleKind::kCounter);
  counters.labelled(kReceived, {"subject", "control"}, number(c.bytes));
  counters.add("millrace_cluster_heartbeats_sent_total", "Heartbeats sent", number(c.beats_sent))
      .add("millrace_cluster_heartbeats_heard_total", "Heartbeats heard, own ones too",
           number(c.beats_heard))
      .add("millrace_cluster_connections_lost_total", "Connections to the broker that were lost",
           number(c.reconnects))
      .add("millrace_cluster_broadcasts_missed_total",
           "Broadcasts of other nodes that did not come",
           number(control.parts().broadcasts.counters().missed))
      .add("millrace_cluster_broadcasts_dropped_total",
           "Own broadcasts for which too many waited for the broker",
           number(control.parts().broadcasts.counters().dropped))
      .add("millrace_cluster_refused_total", "Envelopes on the control subject that were refused",
           number(c.refused));
}

void add_bus_samples(const cluster::Bus& bus, Samples& out) {
  const cluster::BusTotals totals = bus.totals();
  Family(out, SampleKind::kCounter)
      .add("millrace_broker_reconnects_total", "Connections to the broker that came after a loss",
           number(totals.reconnects))
      .add("millrace_broker_publish_errors_total", "Envelopes that the broker refused",
           number(totals.publish_errors))
      .add("millrace_broker_queue_full_total",
           "Envelopes that found no room in the queue to the broker", number(totals.refused_full))
      .add("millrace_broker_overruns_total",
           "Times that what came from the broker found no room in a loop's mailbox",
           number(totals.overruns))
      .add("millrace_bus_sent_messages_total",
           "Messages that the broker was given, each an envelope or a batch of them",
           number(totals.sent_messages))
      .add("millrace_bus_sent_envelopes_total", "Envelopes in these messages",
           number(totals.sent_envelopes))
      .add("millrace_bus_sent_bytes_total", "Bytes of these messages", number(totals.sent_bytes))
      .add("millrace_bus_sent_plain_bytes_total",
           "Bytes of their envelopes, neither batched nor compressed",
           number(totals.envelope_bytes));
}

void add_news_samples(const cluster::NodeNews::Counters& c, Samples& out) {
  Family counters(out, SampleKind::kCounter);
  counters.add("millrace_cluster_nodes_joined_total", "Other nodes that came", number(c.joined))
      .add("millrace_cluster_nodes_updated_total",
           "Times that another node told a new status or address", number(c.updated));
  const std::pair<const char*, const char*> gone = {"millrace_cluster_nodes_left_total",
                                                    "Other nodes that went, by how"};
  counters.labelled(gone, {"reason", "left"}, number(c.left));
  counters.labelled(gone, {"reason", "silent"}, number(c.silent));
}

namespace {

void add_label_samples(const DeltaSources& from, std::uint32_t index, Samples& out) {
  const DeltaPlan::Label& label = from.plan.labels[index];
  const channel::ChainShop::Account account =
      index < from.shop.accounts.size() ? from.shop.accounts[index] : channel::ChainShop::Account{};
  const hub::ChainedFrames frames =
      index < from.hub.chained.size() ? from.hub.chained[index] : hub::ChainedFrames{};
  if (account.broadcasts == 0 && account.chains == 0 && frames.fulls + frames.deltas == 0) return;
  const observability::Labels labels = {
      {"app_id", label.app_id},
      {"channel_name", label.pattern.empty() ? "(none)" : label.pattern},
      {"port", std::to_string(from.port)}};
  const auto add = [&](const char* name, const char* help, double value, SampleKind kind) {
    out.push_back({name, help, labels, value, kind});
  };
  add("millrace_horizontal_delta_compression_enabled_total",
      "Messages released while somebody got deltas of their channel", number(account.broadcasts),
      SampleKind::kCounter);
  add("millrace_delta_compression_full_messages_total", "Numbered full frames sent",
      number(frames.fulls), SampleKind::kCounter);
  add("millrace_delta_compression_delta_messages_total", "Delta frames sent", number(frames.deltas),
      SampleKind::kCounter);
  add("millrace_delta_compression_bandwidth_original_bytes",
      "What the numbered full and the delta frames would have been as plain frames",
      number(frames.plain_bytes), SampleKind::kGauge);
  add("millrace_delta_compression_bandwidth_saved_bytes",
      "How much shorter they were, numbers and keys counted",
      number(frames.plain_bytes) - number(frames.bytes), SampleKind::kGauge);
  add("millrace_delta_chains", "Chains with a base now", number(account.chains),
      SampleKind::kGauge);
  add("millrace_delta_chain_bytes", "Bytes of messages kept as bases", number(account.bytes),
      SampleKind::kGauge);
}

}  // namespace

void add_delta_samples(const DeltaSources& from, Samples& out) {
  for (std::uint32_t i = 0; i < from.plan.labels.size(); ++i) add_label_samples(from, i, out);
  const channel::ChainShop::Counters& c = from.shop.counters;
  Family counters(out, SampleKind::kCounter);
  const std::pair<const char*, const char*> encodings = {
      "millrace_delta_encodings_total", "Deltas worked out, by what became of them"};
  counters.labelled(encodings, {"result", "delta"}, number(c.deltas));
  counters.labelled(encodings, {"result", "not_shorter"}, number(c.unpaid));
  const std::pair<const char*, const char*> evicted = {
      "millrace_delta_chains_ended_total",
      "Chains that lost their base before the channel ended, by reason"};
  counters.labelled(evicted, {"reason", "keys"}, number(c.evicted_keys));
  counters.labelled(evicted, {"reason", "idle"}, number(c.evicted_idle));
  counters.labelled(evicted, {"reason", "memory"}, number(c.evicted_memory));
  counters.labelled(evicted, {"reason", "suspended"}, number(c.suspended));
}

void add_loop_samples(const std::vector<const net::LoopStats*>& loops, Samples& out) {
  Family counters(out, SampleKind::kCounter);
  Family gauges(out, SampleKind::kGauge);
  constexpr double kNanosecond = 1e-9;
  for (std::size_t i = 0; i < loops.size(); ++i) {
    const net::LoopStats& s = *loops[i];
    counters.add("millrace_accepts_total", "Connections accepted", number(s.accepts.value()))
        .add("millrace_accept_pauses_total", "Times that accepting waited for resources",
             number(s.accept_pauses.value()))
        .add("millrace_loop_iterations_total", "Iterations of the event loops",
             number(s.wakeups.value()))
        .add("millrace_loop_busy_seconds_total", "Time that the event loops worked",
             number(s.iteration_sum_ns.value()) * kNanosecond)
        .add("millrace_loop_mailbox_tasks_total", "Tasks that other threads posted",
             number(s.mailbox_tasks.value()))
        .add("millrace_loop_timers_total", "Timers that ran", number(s.timers_run.value()));
    for (std::size_t reason = 0; reason < net::kAcceptErrors; ++reason) {
      counters.labelled({"millrace_accept_refusals_total",
                         "Connections that were not accepted, or were closed at once, by reason"},
                        {"reason", net::to_text(static_cast<net::AcceptError>(reason))},
                        number(s.accept_errors[reason].value()));
    }
    const bool is_control = i + 1 == loops.size();
    gauges.labelled({"millrace_loop_iteration_max_seconds", "The longest iteration so far"},
                    {"loop", is_control ? "control" : std::to_string(i)},
                    number(s.iteration_max_ns.value()) * kNanosecond);
  }
}

void add_http_samples(const http::ConnectionPool& pool, Samples& out) {
  const http::Counters& c = pool.counters();
  Family(out, SampleKind::kGauge)
      .add("millrace_http_connections", "HTTP connections that are not upgraded",
           number(pool.connections()))
      .add("millrace_http_open_requests", "Requests not answered yet", number(pool.open_requests()))
      .add("millrace_http_body_bytes", "Request bodies that are coming in",
           number(pool.body_bytes()));
  Family counters(out, SampleKind::kCounter);
  counters.add("millrace_http_requests_total", "Requests handed to a service", number(c.requests))
      .add("millrace_http_upgrades_total", "Requests that became WebSockets", number(c.upgrades));
  for (std::size_t i = 1; i < c.responses.size(); ++i) {
    counters.labelled({"millrace_http_responses_total", "Answers, by class of status"},
                      {"class", std::to_string(i) + "xx"}, number(c.responses[i]));
  }
  for (std::size_t i = 0; i < c.refused.size(); ++i) {
    counters.labelled({"millrace_http_refusals_total",
                       "Connections and requests refused before they were served, by reason"},
                      {"reason", http::to_text(static_cast<http::Refusal>(i))},
                      number(c.refused[i]));
  }
}

void add_api_samples(const api::Counters& c, Samples& out) {
  Family counters(out, SampleKind::kCounter);
  counters.add("millrace_api_requests_total", "Requests to the REST API", number(c.requests))
      .add("millrace_api_events_total", "Events accepted from the REST API", number(c.events))
      .add("millrace_api_queries_total", "Queries answered by the REST API", number(c.queries))
      .add("millrace_api_repeated_total", "Requests answered with an earlier answer",
           number(c.repeated));
  for (std::size_t i = 0; i < c.refused.size(); ++i) {
    counters.labelled({"millrace_api_refusals_total", "Requests refused, by reason"},
                      {"reason", std::string(api::slug_of(static_cast<api::Errc>(i)))},
                      number(c.refused[i]));
  }
}

}  // namespace mr::app
