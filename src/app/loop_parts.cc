#include "app/loop_parts.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "app/samples.h"
#include "app/store_times.h"
#include "config/schema.h"
#include "http/query.h"
#include "ws/frame.h"
#include "ws/handshake.h"

namespace mr::app {
namespace {

constexpr std::string_view kAppPrefix = "/app/";

// Where old clients fall back to when WebSockets fail; not served here.
bool is_fallback_transport(std::string_view path) {
  return path.starts_with("/pusher/") || path.starts_with("/timeline/") ||
         path.starts_with("/sockjs") || path.starts_with("/socket.io");
}

// What a plain request gets where only WebSockets are, or once were.
std::optional<http::Response> answer_of_transports(std::string_view path) {
  if (path.starts_with(kAppPrefix)) {
    http::Response response = http::json_response(
        426,
        R"({"error":"/app/{key} speaks WebSocket; send an upgrade request","code":"upgrade_required","status":426})");
    response.headers.push_back({"Upgrade", "websocket"});  // RFC 9110 15.5.22
    return response;
  }
  if (!is_fallback_transport(path)) return std::nullopt;
  return http::json_response(
      404,
      R"({"error":"Only the WebSocket transport is served; set enabledTransports to ['ws','wss']","code":"not_found","status":404})");
}

// Whatever the listeners let through must be readable: their limits are the ones that are named.
std::size_t json_bytes_max(const config::Settings& settings) {
  return std::max<std::size_t>(settings.http.body_bytes_max, settings.session.message_bytes_max);
}

channel::Options channel_options(const Shared& shared, DeltaPolicy& policy) {
  channel::Options options = shared.settings.channel;
  options.chain_policy = &policy;
  options.chain_bytes_max = policy.plan().bytes_max(shared.runtime.loop_count());
  options.text_frame = ws::text_frame;
  options.text_head = ws::text_head;
  return options;
}

api::Options api_options(const Shared& shared) {
  const config::Settings& settings = shared.settings;
  api::Options options;
  options.replay_cache = settings.rest.replay_cache;
  options.idempotency = settings.rest.idempotency;
  options.idempotency_key_length_max = settings.rest.idempotency_key_length_max;
  options.cors = {settings.cors.credentials, settings.cors.origin, settings.cors.methods,
                  settings.cors.allowed_headers};
  return options;
}

bool asks_for_second(const http::Request& request) {
  const auto query = http::parse_query(request.query);
  const std::string* protocol = query ? http::find_param(*query, "protocol") : nullptr;
  return protocol != nullptr && *protocol == "2";
}

http::Response refused_handshake(const ws::HandshakeErrc code, const std::string& detail) {
  http::Response response = http::text_response(ws::http_status(code), detail + "\n");
  if (code == ws::HandshakeErrc::kVersion) {
    response.headers.push_back({"Sec-WebSocket-Version", "13"});
  }
  return response;
}

}  // namespace

api::AdminOptions admin_options(const config::Settings& settings, api::Listener listener) {
  api::AdminOptions options;
  options.serve = listener;
  options.token = settings.admin_token;
  options.metrics_enabled = settings.metrics.enabled;
  options.usage_enabled = settings.rest.usage_enabled;
  options.about.node_id = settings.cluster.name;
  if (settings.broker.driver != config::BrokerDriver::kLocal) {
    options.about.broker = config::driver_name(settings);
  }
  return options;
}

api::AdminSources admin_sources(const Shared& shared) {
  return {shared.health, shared.gauges, shared.registry, shared.log, shared.apps};
}

LoopParts::LoopParts(Shared& shared, std::size_t index)
    : shared_(shared),
      loop_(shared.runtime.loop(index)),
      port_(shared.runtime, index),
      delta_policy_(shared.delta_plan, shared.runtime.loop_count()),
      quota_(loop_.random().next()),
      idempotency_(shared.settings.channel.idempotency_entries_max,
                   idempotency_ttl(shared.settings), loop_.random().next()),
      coordination_(shared.coordination == nullptr
                        ? nullptr
                        : std::make_unique<CoordinatedOrder>(*shared.coordination, index)),
      home_(port_, coordination_ ? *coordination_ : shared.order,
            channel_options(shared, delta_policy_), loop_.random().next()),
      fan_out_(port_, channel_options(shared, delta_policy_)),
      exchange_(port_, shared.peers, shared.settings.channel),
      parser_(json_bytes_max(shared.settings)),
      signers_(loop_.random().next()),
      sessions_(loop_, loop_.random().next()),
      hub_(sessions_, sessions_, shared.settings.hub, loop_.random().next()),
      context_{loop_,
               hub_,
               exchange_,
               shared.apps,
               parser_,
               signers_,
               sessions_,
               shared.settings.session,
               observability::Logger(shared.log, "session"),
               delta_policy_.settings(),
               session::GapListeners(loop_.random().next())},
      api_({exchange_, shared.apps, parser_, loop_.clock()}, api_options(shared),
           loop_.random().next()),
      request_log_(shared.log, loop_.random()),
      admin_(admin_options(shared.settings, api::Listener::kPublic), admin_sources(shared)),
      http_(loop_, *this, shared.settings.http) {
  sessions_.set_context(&context_);
  home_.chain_shop().on_key_evicted = [this](const channel::ChainOptions& options) {
    const DeltaPlan::Label& label = delta_policy_.plan().labels[options.label];
    context_.log.warn_limited("a channel has more conflation keys than it may keep bases for",
                              {{"app", label.app_id},
                               {"pattern", label.pattern},
                               {"max_conflation_keys", options.keys_max}});
  };
  if (coordination_) coordination_->configure(delta_policy_.plan().settings.delta);
  loop_.set_iteration_end(this);
  if (!shared.settings.development) return;
  shared.apps.find_by_id(shared.settings.apps.front().id, [this](model::AppRef app) {
    demo_ = std::make_unique<demo::Site>(std::move(app), loop_.clock());
  });
}

base::Result<net::ListenerHandle, net::NetErrc> LoopParts::listen(const net::Address& address) {
  net::ListenOptions options;
  options.address = address;
  options.reuse_port = true;
  auto listener = loop_.listen(options, *this);
  if (listener) {
    listener_ = listener.value();
    port_of_labels_ = port();
  }
  return listener;
}

void LoopParts::on_accept(net::SocketHandle socket, const net::PeerAddress& peer) {
  http_.adopt(socket, peer);
}

bool LoopParts::on_iteration_end() {
  const bool has_more = hub_.flush(loop_.clock());
  sessions_.on_flushed();
  return has_more;
}

void LoopParts::on_request(http::Request request, http::Responder responder) {
  if (demo_ && demo::Site::owns(request.path)) return responder.answer(demo_->serve(request));
  if (admin_.try_answer(request, responder)) return;
  if (auto answer = answer_of_transports(request.path)) {
    return responder.answer(std::move(*answer));
  }
  http::Responder followed = request_log_.follow(request, std::move(responder));
  api_.handle(std::move(request), std::move(followed));
}

std::optional<http::Response> LoopParts::refuse_head(const http::Request& head) {
  if (demo_ && demo::Site::owns(head.path)) return std::nullopt;
  if (admin_.owns(head)) return std::nullopt;
  if (auto answer = answer_of_transports(head.path)) return answer;
  auto answer = api_.refuse_head(head);
  if (answer) request_log_.complete(head, *answer);
  return answer;
}

bool LoopParts::on_upgrade(http::Request request, net::SocketHandle socket, net::PeerAddress peer,
                           std::string early_bytes, http::Responder responder) {
  const bool is_echo = shared_.settings.session.conformance_echo && request.path == "/echo";
  std::string key;
  if (request.path.starts_with(kAppPrefix)) {
    std::string_view rest = std::string_view(request.path).substr(kAppPrefix.size());
    while (rest.ends_with('/')) rest.remove_suffix(1);
    key = http::percent_decode(rest).value_or("");
  }
  if (!is_echo && (key.empty() || key.find('/') != std::string::npos)) {
    request_log_.tell_refused_upgrade(request, 404);
    responder.answer(http::text_response(404, "WebSockets are served at /app/{key}\n"));
    return false;
  }
  auto handshake = ws::accept_handshake(request);
  if (!handshake) {
    const auto& error = handshake.error();
    request_log_.tell_refused_upgrade(request, ws::http_status(error.code));
    responder.answer(refused_handshake(error.code, error.detail));
    return false;
  }
  if (is_echo) {
    sessions_.open_echo(socket, std::move(handshake).value(), std::move(early_bytes));
    return true;
  }
  const std::string* origin = request.header("origin");
  sessions_.open(
      socket, std::move(handshake).value(),
      {std::move(key), origin == nullptr ? std::string() : *origin, asks_for_second(request), peer},
      std::move(early_bytes));
  return true;
}

void LoopParts::change_deltas(DeltaPlanRef plan) {
  delta_policy_.change(std::move(plan));
  context_.delta = delta_policy_.settings();
  if (coordination_) coordination_->configure(delta_policy_.plan().settings.delta);
  home_.chain_shop().bytes_max = delta_policy_.plan().bytes_max(shared_.runtime.loop_count());
  home_.configure_chains();
  sessions_.settle_deltas();
}

void LoopParts::begin_drain(base::Duration window) {
  http_.begin_drain();
  sessions_.drain(window);
}

void LoopParts::end_drain() {
  http_.close_idle();
  if (listener_ == net::ListenerHandle::kNone) return;
  loop_.close_listener(listener_);
  listener_ = net::ListenerHandle::kNone;
}

LoadMeter::LoopFigures LoopParts::load_figures() const {
  return {sessions_.count(), hub_.counters().frames_written, hub_.log_bytes()};
}

void LoopParts::collect(std::vector<observability::GaugeSample>& out) const {
  add_hub_samples(hub_, out);
  add_session_samples(sessions_, context_.counters, out);
  add_home_samples(home_, idempotency_, out);
  add_delta_samples({delta_policy_.plan(), home_.chain_shop(), hub_.counters(), port_of_labels_},
                    out);
  if (coordination_) coordination_->collect(out);
  add_http_samples(http_, out);
  add_api_samples(api_.counters(), out);
}

}  // namespace mr::app
