#pragma once

#include <string>
#include <string_view>

#include "api/admin/access.h"
#include "api/admin/cluster_source.h"
#include "api/admin/options.h"
#include "api/admin/verdict.h"
#include "http/query.h"
#include "http/router.h"
#include "http/service.h"
#include "model/app.h"
#include "observability/health.h"
#include "observability/log.h"
#include "observability/registry.h"

namespace mr::api {

// What the routes tell about. All outlive the Admin and the requests that it took.
struct AdminSources {
  const observability::HealthSource& health;
  observability::GaugeSource& gauges;
  observability::Registry& registry;
  observability::Log& log;
  model::AppStore& apps;
  ClusterSource* cluster = nullptr;  // null: the node is alone
};

// The operators' routes of one listener of one loop. Both listeners: `/` (OK), the probes
// (/health[/live|/ready], /live[z], /ready[z], /startupz, /up[/{appId}], /accept-traffic), /usage.
// Only the metrics listener: /metrics, /admin/log-level (GET, PUT; see access.h) and
// /admin/cluster/{topic} (GET; POST of what sends something). On the public listener those do not
// exist.
//
// Ready is 503 while the node starts or drains or a loop is stuck; a degraded node is ready but
// for "?strict=1". Live depends on nothing but the loops. Every answer of a probe has a JSON body
// with "status" and is not to be cached.
class Admin {
 public:
  Admin(const AdminOptions& options, const AdminSources& sources);

  // True when the path is one of ours: the request is then answered, now or later. False: request
  // and responder are as they were.
  bool try_answer(const http::Request& request, http::Responder& responder);
  // The same question, nothing is answered.
  bool owns(const http::Request& request) const;

 private:
  using Route = void (Admin::*)(const http::Request&, const http::Params&, http::Responder);

  void root(const http::Request&, const http::Params&, http::Responder responder);
  void live(const http::Request&, const http::Params&, http::Responder responder);
  void ready(const http::Request&, const http::Params&, http::Responder responder);
  void startup(const http::Request&, const http::Params&, http::Responder responder);
  void app_up(const http::Request&, const http::Params&, http::Responder responder);
  void accept_traffic(const http::Request&, const http::Params&, http::Responder responder);
  void usage(const http::Request&, const http::Params&, http::Responder responder);
  void metrics(const http::Request&, const http::Params&, http::Responder responder);
  void log_level(const http::Request&, const http::Params&, http::Responder responder);
  void set_log_level(const http::Request&, const http::Params&, http::Responder responder);
  void cluster(const http::Request&, const http::Params&, http::Responder responder);

  Verdict verdict() const;
  // Answers and counts the refusal; true when the caller may go on.
  bool is_granted(const http::Request& request, http::Responder& responder);
  std::string levels_json() const;

  const AdminOptions options_;
  const AdminSources sources_;
  const observability::Logger log_;
  http::Router<Route> router_;
};

// The metrics listener: an Admin and nothing else. `admin` outlives it.
class AdminService final : public http::Service {
 public:
  explicit AdminService(Admin& admin) : admin_(admin) {}
  void on_request(http::Request request, http::Responder responder) override;
  bool on_upgrade(http::Request request, net::SocketHandle socket, net::PeerAddress peer,
                  std::string early_bytes, http::Responder responder) override;

 private:
  Admin& admin_;
};

}  // namespace mr::api
