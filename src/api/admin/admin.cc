#include "api/admin/admin.h"

#include <memory>
#include <utility>
#include <vector>

#include "json/writer.h"
#include "observability/process.h"

namespace mr::api {
namespace {

using http::Method;
using http::Params;
using http::Request;
using http::Responder;
using http::Response;

// A probe that a proxy answers from its cache says nothing.
Response uncached(Response response) {
  response.headers.push_back({"Cache-Control", "no-store"});
  return response;
}

Response status_response(bool good, std::string json) {
  return uncached(http::json_response(good ? 200 : 503, std::move(json)));
}

Response error_response(int status, std::string_view text) {
  return uncached(http::json_response(status, "{\"error\":" + json::quote(text) + "}"));
}

bool is_strict(const Request& request) {
  const auto params = http::parse_query(request.query);
  if (!params) return false;
  const std::string* strict = http::find_param(*params, "strict");
  return strict != nullptr && (strict->empty() || *strict == "1" || *strict == "true");
}

double percent_of(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

// One decimal is what a person reads; more would change with each call.
double rounded(double percent) {
  return static_cast<double>(static_cast<std::int64_t>(percent * 10 + 0.5)) / 10;
}

std::string_view reason_of(Access access) {
  switch (access) {
    case Access::kGranted:
      return "granted";
    case Access::kTokenNeeded:
      return "token_needed";
    case Access::kTokenWrong:
      return "token_wrong";
    case Access::kForeignHost:
      return "foreign_host";
  }
  return "";
}

}  // namespace

Admin::Admin(const AdminOptions& options, const AdminSources& sources)
    : options_(options), sources_(sources), log_(sources.log, "admin") {
  router_.add(Method::kGet, "/", &Admin::root);
  for (const char* path : {"/health/live", "/live", "/livez"}) {
    router_.add(Method::kGet, path, &Admin::live);
  }
  for (const char* path : {"/health", "/health/ready", "/ready", "/readyz", "/up"}) {
    router_.add(Method::kGet, path, &Admin::ready);
  }
  router_.add(Method::kGet, "/startupz", &Admin::startup);
  router_.add(Method::kGet, "/up/{appId}", &Admin::app_up);
  router_.add(Method::kGet, "/accept-traffic", &Admin::accept_traffic);
  const bool is_operators = options_.serve == Listener::kMetrics;
  if (is_operators || options_.usage_enabled) router_.add(Method::kGet, "/usage", &Admin::usage);
  if (!is_operators) return;
  router_.add(Method::kGet, "/metrics", &Admin::metrics);
  router_.add(Method::kGet, "/admin/log-level", &Admin::log_level);
  router_.add(Method::kPut, "/admin/log-level", &Admin::set_log_level);
  router_.add(Method::kGet, "/admin/cluster/{topic}", &Admin::cluster);
  router_.add(Method::kPost, "/admin/cluster/{topic}", &Admin::cluster);
}

bool Admin::owns(const Request& request) const {
  const auto status = router_.match(request.method, request.path).status;
  return status == http::RouteStatus::kFound || status == http::RouteStatus::kMethodNotAllowed;
}

bool Admin::try_answer(const Request& request, Responder& responder) {
  const auto match = router_.match(request.method, request.path);
  switch (match.status) {
    case http::RouteStatus::kFound:
      (this->**match.target)(request, match.params, std::move(responder));
      return true;
    case http::RouteStatus::kMethodNotAllowed: {
      Response refusal = error_response(
          405, "this path does not take " + request.method_text + "; it takes " + match.allow);
      refusal.headers.push_back({"Allow", match.allow});
      responder.answer(std::move(refusal));
      return true;
    }
    case http::RouteStatus::kNotFound:
    case http::RouteStatus::kBadPath:
      return false;
  }
  return false;
}

Verdict Admin::verdict() const {
  return judge(sources_.health.health(), options_.loop_silence_max);
}

void Admin::root(const Request&, const Params&, Responder responder) {
  responder.answer(http::text_response(200, "OK"));
}

void Admin::live(const Request&, const Params&, Responder responder) {
  const Verdict now = verdict();
  responder.answer(
      status_response(now.is_live, now.is_live ? R"({"status":"live"})" : to_json(now)));
}

void Admin::ready(const Request& request, const Params&, Responder responder) {
  const Verdict now = verdict();
  const bool is_good = now.is_ready && !(now.is_degraded && is_strict(request));
  responder.answer(status_response(is_good, to_json(now, options_.about)));
}

void Admin::startup(const Request&, const Params&, Responder responder) {
  const Verdict now = verdict();
  responder.answer(
      status_response(now.has_started, now.has_started ? R"({"status":"started"})" : to_json(now)));
}

void Admin::app_up(const Request&, const Params& params, Responder responder) {
  const std::string& id = *http::find_param(params, "appId");
  sources_.apps.find_by_id(
      id, [now = verdict(), responder = std::move(responder)](model::AppRef app) mutable {
        if (!app) {
          return responder.answer(error_response(
              404, "no app has this id; see apps in the configuration of this node"));
        }
        if (!app->options.enabled) {
          return responder.answer(uncached(http::json_response(503, R"({"status":"disabled"})")));
        }
        responder.answer(status_response(now.is_ready, to_json(now)));
      });
}

void Admin::accept_traffic(const Request&, const Params&, Responder responder) {
  const Verdict now = verdict();
  if (!now.is_ready) return responder.answer(status_response(false, to_json(now)));
  const auto memory = observability::read_memory_figures();
  const double percent =
      percent_of(memory.resident_bytes.value_or(0), memory.limit_bytes.value_or(0));
  const bool is_full = percent > options_.accept_traffic_memory_percent_max;
  std::string text;
  json::Writer out(text);
  out.begin_object();
  out.key("status");
  out.string(is_full ? "memory" : now.status);
  out.key("memory_percent");
  out.number(rounded(percent));
  out.end_object();
  responder.answer(status_response(!is_full, std::move(text)));
}

// The members of "memory" are soketi's, with the limit that kills the process as the total.
void Admin::usage(const Request&, const Params&, Responder responder) {
  const auto memory = observability::read_memory_figures();
  const std::uint64_t used = memory.resident_bytes.value_or(0);
  const std::uint64_t total = memory.limit_bytes.value_or(0);
  std::string text;
  json::Writer out(text);
  out.begin_object();
  out.key("memory");
  out.begin_object();
  out.key("used");
  out.number(used);
  out.key("free");
  out.number(total > used ? total - used : std::uint64_t{0});
  out.key("total");
  out.number(total);
  out.key("percent");
  out.number(rounded(percent_of(used, total)));
  out.key("virtual");
  out.number(memory.virtual_bytes.value_or(0));
  out.end_object();
  out.end_object();
  responder.answer(uncached(http::json_response(200, std::move(text))));
}

void Admin::metrics(const Request&, const Params&, Responder responder) {
  if (!options_.metrics_enabled) {
    return responder.answer(
        error_response(404, "metrics are off; set metrics.enabled: true and restart"));
  }
  sources_.gauges.collect([sources = sources_, responder = std::move(responder)](
                              std::vector<observability::GaugeSample> samples) mutable {
    for (auto& sample : sources.log.samples()) samples.push_back(std::move(sample));
    Response response = http::text_response(200, sources.registry.render(samples));
    response.content_type = observability::Registry::kContentType;
    responder.answer(uncached(std::move(response)));
  });
}

bool Admin::is_granted(const Request& request, Responder& responder) {
  const Access access = check_access(request, options_.token);
  if (access == Access::kGranted) return true;
  sources_.registry
      .counter("millrace_admin_refused_total", "Requests to /admin without the right to it.",
               {{"reason", std::string(reason_of(access))}})
      .add();
  log_.warn_limited("admin request refused",
                    {{"peer", request.peer.to_string()}, {"reason", reason_of(access)}});
  const bool is_token = access != Access::kForeignHost;
  Response refusal = error_response(is_token ? 401 : 403, explain(access));
  if (is_token) refusal.headers.push_back({"WWW-Authenticate", "Bearer"});
  responder.answer(std::move(refusal));
  return false;
}

std::string Admin::levels_json() const {
  const observability::Levels levels = sources_.log.levels();
  std::string text;
  json::Writer out(text);
  out.begin_object();
  out.key("levels");
  out.string(levels.to_text());
  out.key("components");
  out.begin_object();
  for (const std::string& component : sources_.log.components()) {
    out.key(component);
    out.string(observability::to_text(levels.of(component)));
  }
  out.end_object();
  out.end_object();
  return text;
}

void Admin::log_level(const Request& request, const Params&, Responder responder) {
  if (!is_granted(request, responder)) return;
  responder.answer(uncached(http::json_response(200, levels_json())));
}

void Admin::set_log_level(const Request& request, const Params&, Responder responder) {
  if (!is_granted(request, responder)) return;
  if (const auto levels = observability::Levels::parse(request.body)) {
    for (const auto& [component, level] : levels.value().by_component) {
      const std::string problem = observability::check_log_component(component);
      if (problem.empty()) continue;
      return responder.answer(error_response(400, "\"" + component + "\" " + problem));
    }
  }
  const auto done = sources_.log.set_levels(request.body);
  if (!done) return responder.answer(error_response(400, done.error().detail));
  log_.warn("log levels changed",
            {{"levels", sources_.log.levels().to_text()}, {"peer", request.peer.to_string()}});
  responder.answer(uncached(http::json_response(200, levels_json())));
}

void Admin::cluster(const Request& request, const Params& params, Responder responder) {
  if (!is_granted(request, responder)) return;
  if (sources_.cluster == nullptr) {
    return responder.answer(error_response(
        409, "this node is alone: no broker is configured; set redis.url or adapter.driver"));
  }
  const std::string& topic = *http::find_param(params, "topic");
  const auto query = http::parse_query(request.query);
  if (!query) return responder.answer(error_response(400, "the query has a broken %XX escape"));
  const std::string method = request.method == Method::kPost ? "POST" : "GET";
  auto answer = std::make_shared<Responder>(std::move(responder));
  const bool is_known =
      sources_.cluster->tell(method + " " + topic, *query, [answer](ClusterSource::Told told) {
        answer->answer(told.problem.empty()
                           ? uncached(http::json_response(200, std::move(told.json)))
                           : error_response(409, told.problem));
      });
  if (is_known) return;
  answer->answer(error_response(404, "there is no " + method + " /admin/cluster/" + topic +
                                         "; there are GET status, nodes, bus, tail and "
                                         "counters, and POST probe and counters"));
}

void AdminService::on_request(Request request, Responder responder) {
  if (admin_.try_answer(request, responder)) return;
  responder.answer(
      error_response(404,
                     "nothing is here; the metrics port has /metrics, /health, /ready, /usage, "
                     "/admin/log-level and /admin/cluster, everything else is on the main port"));
}

bool AdminService::on_upgrade(Request, net::SocketHandle, net::PeerAddress, std::string,
                              Responder responder) {
  responder.answer(
      error_response(404, "no WebSocket is here; connect to /app/{key} on the main port"));
  return false;
}

}  // namespace mr::api
