#include "client/rest_client.h"

#include "crypto/hmac.h"
#include "http/client.h"
#include "json/writer.h"
#include "model/app.h"
#include "pusher/rest_auth.h"

namespace mr::client {
namespace {

model::AppOptions app_of(const RestOptions& options) {
  model::AppOptions app;
  app.id = options.app_id;
  app.key = options.key;
  app.secret = options.secret;
  return app;
}

http::ClientOptions http_of(const RestOptions& options) {
  http::ClientOptions to;
  to.address = options.address;
  to.host = options.host;
  to.response_timeout = options.response_timeout;
  return to;
}

void append_event(std::string& out, const RestEvent& event) {
  json::Writer writer(out);
  writer.begin_object();
  writer.key("name");
  writer.string(event.event);
  writer.key("channel");
  writer.string(event.channel);
  writer.key("data");
  writer.string(event.data);
  if (!event.tags.empty()) {
    writer.key("tags");
    writer.raw(event.tags);
  }
  if (!event.except.empty()) {
    writer.key("socket_id");
    writer.string(event.except);
  }
  writer.end_object();
}

}  // namespace

struct RestClient::State {
  State(net::Loop& on, const RestOptions& options)
      : loop(on),
        app(base::make_ref<model::App>(app_of(options))),
        hmac(options.secret),
        http(on, http_of(options)),
        base_path("/apps/" + options.app_id) {}

  net::Loop& loop;
  model::AppRef app;
  crypto::HmacSha256 hmac;
  http::Client http;
  std::string base_path;
};

RestClient::RestClient(net::Loop& loop, RestOptions options)
    : state_(std::make_unique<State>(loop, options)) {}
RestClient::~RestClient() = default;

std::size_t RestClient::in_flight() const { return state_->http.in_flight(); }

void RestClient::publish(const RestEvent& event, Done done) {
  std::string body;
  append_event(body, event);
  send("POST", "/events", {}, std::move(body), std::move(done));
}

void RestClient::publish_batch(std::span<const RestEvent> events, Done done) {
  std::string body = "{\"batch\":[";
  for (const RestEvent& event : events) {
    if (body.back() == '}') body.push_back(',');
    append_event(body, event);
  }
  body += "]}";
  send("POST", "/batch_events", {}, std::move(body), std::move(done));
}

void RestClient::get(std::string_view resource,
                     std::vector<std::pair<std::string, std::string>> parameters, Done done) {
  send("GET", resource, parameters, {}, std::move(done));
}

void RestClient::order(std::string_view resource, std::string body, Done done) {
  send("POST", resource, {}, std::move(body), std::move(done));
}

void RestClient::send(std::string_view method, std::string_view resource,
                      const std::vector<std::pair<std::string, std::string>>& parameters,
                      std::string body, Done done) {
  State& state = *state_;
  const std::string path = state.base_path + std::string(resource);
  http::ClientRequest request;
  request.method = method == "POST" ? http::Method::kPost : http::Method::kGet;
  request.target = pusher::sign_rest_path(*state.app, state.hmac, {method, path, parameters, body},
                                          state.loop.clock().wall_now());
  request.body = std::move(body);
  if (!request.body.empty()) request.headers.push_back({"Content-Type", "application/json"});
  state.http.send(request, reply_to(std::move(done)));
}

void RestClient::post(const std::string& path, std::string body, Done done) {
  http::ClientRequest request;
  request.method = http::Method::kPost;
  request.target = path;
  request.body = std::move(body);
  state_->http.send(request, reply_to(std::move(done)));
}

http::Client::Done RestClient::reply_to(Done done) {
  return [done = std::move(done)](base::Result<http::Response, http::ClientErrc> result) mutable {
    if (!result) return done(RestReply{0, result.error().detail});
    http::Response& response = result.value();
    done(RestReply{response.status, std::move(response.body)});
  };
}

}  // namespace mr::client
