#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/admin/admin.h"
#include "api/pusher_api.h"
#include "app/cluster_link.h"
#include "app/coordinated_order.h"
#include "app/delta_policy.h"
#include "app/load_meter.h"
#include "app/loop_port.h"
#include "app/request_log.h"
#include "channel/exchange.h"
#include "channel/home.h"
#include "channel/idempotency.h"
#include "channel/order_source.h"
#include "channel/quota.h"
#include "config/settings.h"
#include "demo/site.h"
#include "http/connection_pool.h"
#include "hub/hub.h"
#include "json/parser.h"
#include "net/runtime.h"
#include "observability/gauge.h"
#include "observability/registry.h"
#include "session/sessions.h"

namespace mr::app {

// What all loops of a node share; nothing in it changes after start, or it is safe for any thread.
struct Shared {
  const config::Settings& settings;
  net::Runtime& runtime;
  model::AppStore& apps;
  channel::OrderSource& order;
  CoordinatedOrder::Outside* coordination;  // null: a node alone, or `order` holds
  DeltaPlanRef delta_plan;                  // of the start
  observability::Log& log;
  const observability::HealthSource& health;
  observability::GaugeSource& gauges;
  observability::Registry& registry;
  channel::Peers peers;
};

api::AdminOptions admin_options(const config::Settings& settings, api::Listener listener);
api::AdminSources admin_sources(const Shared& shared);

// Everything of one serving loop, in the order in which it is built: homes, hub, sessions, HTTP.
// It takes the loop's accepted sockets, hands requests to the API, the admin routes or the demo,
// turns upgrades into sessions, and flushes at the end of each iteration.
class LoopParts final : public http::Service, public net::AcceptEvents, public net::IterationEnd {
 public:
  LoopParts(Shared& shared, std::size_t index);
  LoopParts(const LoopParts&) = delete;
  LoopParts& operator=(const LoopParts&) = delete;

  channel::Homed homed() { return {home_, idempotency_, quota_, sessions_, *nodes_, fan_out_}; }
  LoopEnd end() { return {home_, fan_out_, sessions_}; }
  // Before start; they outlive this. Without it the node is alone.
  void set_other_nodes(channel::OtherNodes& nodes) { nodes_ = &nodes; }
  void set_shared_quota(channel::SharedQuota& quota) { exchange_.set_shared_quota(quota); }
  void set_subscribers(const std::vector<channel::Subscribers*>& by_loop) {
    home_.set_subscribers(by_loop, nodes_);
    fan_out_.set_subscribers(by_loop);
  }
  base::Result<net::ListenerHandle, net::NetErrc> listen(const net::Address& address);
  std::uint16_t port() const { return loop_.listener_port(listener_); }
  channel::Exchange& exchange() { return exchange_; }
  // Other settings of deltas and filters, for channels and connections that are here already too.
  void change_deltas(DeltaPlanRef plan);

  // New upgrades get 503, clients are closed over the window; requests are served on.
  void begin_drain(base::Duration window);
  // Requests in flight are answered, then their connections end; the listener closes.
  void end_drain();
  std::size_t session_count() const { return sessions_.count(); }
  LoadMeter::LoopFigures load_figures() const;
  std::size_t open_requests() const { return http_.open_requests(); }
  void collect(std::vector<observability::GaugeSample>& out) const;

  void on_request(http::Request request, http::Responder responder) override;
  std::optional<http::Response> refuse_head(const http::Request& head) override;
  bool on_upgrade(http::Request request, net::SocketHandle socket, net::PeerAddress peer,
                  std::string early_bytes, http::Responder responder) override;
  void on_accept(net::SocketHandle socket, const net::PeerAddress& peer) override;
  bool on_iteration_end() override;

 private:
  Shared& shared_;
  net::Loop& loop_;
  RuntimePort port_;
  DeltaPolicy delta_policy_;
  channel::Quota quota_;
  channel::Idempotency idempotency_;
  std::unique_ptr<CoordinatedOrder> coordination_;  // null: there is nobody to count with
  channel::Home home_;
  channel::FanOut fan_out_;
  channel::NoOtherNodes alone_;
  channel::OtherNodes* nodes_ = &alone_;
  channel::Exchange exchange_;
  json::Parser parser_;
  pusher::Signers signers_;
  session::Sessions sessions_;
  hub::Hub hub_;
  session::Context context_;
  api::PusherApi api_;
  RequestLog request_log_;
  api::Admin admin_;
  std::unique_ptr<demo::Site> demo_;
  http::ConnectionPool http_;
  net::ListenerHandle listener_ = net::ListenerHandle::kNone;
  std::uint16_t port_of_labels_ = 0;  // of metrics, also when the listener is closed
};

}  // namespace mr::app
