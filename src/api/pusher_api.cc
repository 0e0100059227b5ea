#include "api/pusher_api.h"

#include <utility>

#include "json/writer.h"
#include "pusher/rest_auth.h"

namespace mr::api {
namespace {

// What the rare bottleneck is worth: long enough for a queue to move, short enough to matter.
constexpr std::uint32_t kBackpressureRetrySeconds = 1;

const std::string& param(const http::Params& params, std::string_view name) {
  const std::string* const value = http::find_param(params, name);
  MR_ASSERT(value != nullptr, "the route has this parameter");
  return *value;
}

Error route_error(http::RouteStatus status, const http::Request& request,
                  const std::string& allow) {
  switch (status) {
    case http::RouteStatus::kBadPath:
      return {Errc::kInvalidInput, "the path " + shown(request.path) +
                                       " has a broken %XX escape; encode it as RFC 3986 says"};
    case http::RouteStatus::kMethodNotAllowed:
      return {Errc::kMethodNotAllowed, "the path " + shown(request.path) + " does not take " +
                                           request.method_text + "; use " + allow};
    case http::RouteStatus::kFound:
    case http::RouteStatus::kNotFound:
      break;
  }
  return {Errc::kNotFound,
          "there is nothing at " + shown(request.path) +
              "; the API is under /apps/{app_id}/, WebSocket connections go to /app/{key}, and "
              "the fallback transports of old clients (SockJS, XHR) are not served"};
}

Error error_of(channel::PublishStatus refused) {
  switch (refused) {
    case channel::PublishStatus::kCutOff:
      return {Errc::kCutOff,
              "other nodes cannot be reached now, and the event waits for nobody; try again"};
    case channel::PublishStatus::kUnanswered:
      return {Errc::kCutOff,
              "the broker did not give the event back in time; it may have come to clients, or "
              "still come: try again only if twice does no harm"};
    case channel::PublishStatus::kReleased:
    case channel::PublishStatus::kOverloaded:
      break;
  }
  return {Errc::kBackpressure, "too many events wait on this channel; try again"};
}

}  // namespace

PusherApi::PusherApi(Surroundings around, const Options& options, std::uint64_t hash_seed)
    : around_(around), options_(options), cors_(options.cors), signers_(hash_seed) {
  routes_.add(http::Method::kPost, "/apps/{app}/events", &PusherApi::events);
  routes_.add(http::Method::kPost, "/apps/{app}/batch_events", &PusherApi::batch_events);
  routes_.add(http::Method::kPost, "/apps/{app}/broadcast", &PusherApi::broadcast);
  routes_.add(http::Method::kGet, "/apps/{app}/channels", &PusherApi::list);
  routes_.add(http::Method::kGet, "/apps/{app}/channels/{channel}", &PusherApi::show);
  routes_.add(http::Method::kGet, "/apps/{app}/channels/{channel}/users", &PusherApi::users);
  routes_.add(http::Method::kPost, "/apps/{app}/users/{user}/terminate_connections",
              &PusherApi::terminate);
}

void PusherApi::handle(http::Request request, http::Responder responder) {
  ++counters_.requests;
  auto call = std::make_unique<Call>();
  call->request = std::move(request);
  call->responder = std::move(responder);
  if (call->request.method == http::Method::kOptions) {
    call->responder.answer(cors_.preflight(call->request));
    return;
  }
  if (const auto error = find_route(*call)) return fail(std::move(call), *error);
  const std::string app_id = param(call->path, "app");
  around_.apps.find_by_id(app_id, [this, call = std::move(call)](model::AppRef app) mutable {
    call->app = std::move(app);
    authorize(std::move(call));
  });
}

std::optional<http::Response> PusherApi::refuse_head(const http::Request& head) {
  if (head.method == http::Method::kOptions) return std::nullopt;
  Call call;
  call.request = head;
  auto error = find_route(call);
  if (!error) {
    // A store that answers later is asked again with the body.
    const auto found = std::make_shared<std::optional<model::AppRef>>();
    around_.apps.find_by_id(param(call.path, "app"),
                            [found](model::AppRef app) { *found = std::move(app); });
    if (!*found) return std::nullopt;
    call.app = **found;
    error = check(call, Part::kHead);
  }
  if (!error) return std::nullopt;
  ++counters_.requests;
  return refusal(call, *error, 0);
}

std::optional<Error> PusherApi::find_route(Call& call) const {
  auto match = routes_.match(call.request.method, call.request.path);
  if (match.target == nullptr) {
    call.allow = match.allow;
    return route_error(match.status, call.request, match.allow);
  }
  auto query = http::parse_query(call.request.query);
  if (!query) {
    return Error{Errc::kInvalidInput, "the query has a broken %XX escape or more than " +
                                          std::to_string(http::kParamsMax) +
                                          " parameters; encode it as RFC 3986 says"};
  }
  call.route = *match.target;
  call.path = std::move(match.params);
  call.query = std::move(*query);
  return std::nullopt;
}

std::optional<Error> PusherApi::check(const Call& call, Part part) {
  if (!call.app) {
    return Error{Errc::kAppNotFound, "there is no app with the id " +
                                         shown(param(call.path, "app")) +
                                         "; use the id of a configured app"};
  }
  const http::Request& request = call.request;
  const auto checked = (part == Part::kHead ? pusher::check_rest_head : pusher::check_rest)(
      *call.app, signers_.of(*call.app),
      {request.method_text, request.path, call.query, request.body}, around_.clock.wall_now());
  if (!checked) return Error{Errc::kAuthFailed, checked.error().detail};
  const model::AppOptions& app = call.app->options;
  if (app.enabled) return std::nullopt;
  return Error{Errc::kForbidden,
               "the app " + shown(app.id) + " is disabled; enable it in the configuration"};
}

void PusherApi::authorize(CallPtr call) {
  if (const auto error = check(*call, Part::kAll)) return fail(std::move(call), *error);
  const Route route = call->route;
  const http::Request& request = call->request;
  if (request.method != http::Method::kPost || !options_.replay_cache) {
    (this->*route)(std::move(call));
    return;
  }
  std::string key = "replay:" + *http::find_param(call->query, "auth_signature");
  once(std::move(call), std::move(key),
       [this, route](CallPtr fresh) { (this->*route)(std::move(fresh)); });
}

void PusherApi::once(CallPtr call, std::string key, base::Function<void(CallPtr)> next) {
  model::AppRef app = call->app;
  call->unsettled.push_back(key);
  around_.channels.begin_idempotent(
      std::move(app), std::move(key),
      [this, call = std::move(call),
       next = std::move(next)](channel::Service::Idempotent begun) mutable {
        if (begun.first) {
          next(std::move(call));
          return;
        }
        call->unsettled.pop_back();  // it belongs to the first caller
        if (begun.answer.empty()) {
          fail(std::move(call),
               {Errc::kBackpressure, "the same request is still being worked on; try again"},
               kBackpressureRetrySeconds);
          return;
        }
        ++counters_.repeated;
        succeed(std::move(call), std::move(begun.answer));
      });
}

void PusherApi::events(CallPtr call) {
  auto read = read_event(around_.parser, call->request.body, call->app->options);
  publish(std::move(call), std::move(read));
}

void PusherApi::batch_events(CallPtr call) {
  auto read = read_batch(around_.parser, call->request.body, call->app->options);
  publish(std::move(call), std::move(read));
}

void PusherApi::broadcast(CallPtr call) {
  auto read = read_broadcast(around_.parser, call->request.body, call->app->options);
  publish(std::move(call), std::move(read));
}

void PusherApi::publish(CallPtr call, base::Result<Publication, Errc> read) {
  if (!read) {
    fail(std::move(call), read.error());
    return;
  }
  Publication publication = std::move(read).value();
  const std::string* const header = call->request.header("x-idempotency-key");
  std::string key = header != nullptr && !header->empty() ? *header : publication.idempotency_key;
  if (!options_.idempotency) key.clear();
  if (key.size() > options_.idempotency_key_length_max) {
    fail(std::move(call),
         {Errc::kInvalidInput, "the idempotency key " + shown(key) + " has " +
                                   std::to_string(key.size()) + " bytes; use at most " +
                                   std::to_string(options_.idempotency_key_length_max)});
    return;
  }
  if (key.empty()) {
    release(std::move(call), std::move(publication));
    return;
  }
  once(std::move(call), "key:" + key,
       [this, publication = std::move(publication)](CallPtr fresh) mutable {
         release(std::move(fresh), std::move(publication));
       });
}

void PusherApi::release(CallPtr call, Publication publication) {
  const model::AppOptions& app = call->app->options;
  if (!admit(call, call->app->backend_events, app.max_backend_events_per_second,
             publication.event_count)) {
    return;
  }
  if (publication.broadcast) return spread(std::move(call), *std::move(publication.broadcast));
  if (publication.events.empty()) {
    succeed(std::move(call), write_answer(publication, {}));
    return;
  }
  // The answer needs the names again; without `info` nothing of it is kept.
  std::vector<channel::PublishEvent> events;
  Publication kept;
  if (publication.wants_counts() || publication.wants_level()) {
    kept = publication;
    for (auto& event : kept.events) event.data.clear();
  }
  events = std::move(publication.events);
  model::AppRef owner = call->app;
  around_.channels.publish(
      std::move(owner), std::move(events),
      [this, call = std::move(call), kept = std::move(kept),
       count = publication.wanted.size()](channel::PublishOutcome outcome) mutable {
        if (outcome.status != channel::PublishStatus::kReleased) {
          fail(std::move(call), error_of(outcome.status), kBackpressureRetrySeconds);
          return;
        }
        counters_.events += count;
        succeed(std::move(call), write_answer(kept, outcome));
      });
}

void PusherApi::spread(CallPtr call, channel::BroadcastEvent event) {
  model::AppRef app = call->app;
  around_.channels.broadcast(
      std::move(app), std::move(event),
      [this, call = std::move(call)](const channel::PublishOutcome& outcome) mutable {
        if (outcome.status != channel::PublishStatus::kReleased) {
          fail(std::move(call), error_of(outcome.status), kBackpressureRetrySeconds);
          return;
        }
        ++counters_.events;
        succeed(std::move(call), "{}");
      });
}

void PusherApi::terminate(CallPtr call) {
  model::AppRef app = call->app;
  std::string user = param(call->path, "user");
  around_.channels.terminate_user(
      std::move(app), std::move(user),
      [this, call = std::move(call)](std::uint32_t) mutable { succeed(std::move(call), "{}"); });
}

void PusherApi::list(CallPtr call) {
  if (!admit_query(call)) return;
  const auto wanted = attributes_of(call);
  if (!wanted) return;
  const std::string* const given = http::find_param(call->query, "filter_by_prefix");
  const std::string prefix = given != nullptr ? *given : std::string();
  if (wanted->user_count && !prefix.starts_with("presence-")) {
    fail(std::move(call),
         {Errc::kInvalidInput,
          "info=user_count is only there for presence channels; add filter_by_prefix=presence-"});
    return;
  }
  if (wanted->cache) {
    fail(std::move(call),
         {Errc::kInvalidInput, "info=cache is only there for one channel; ask /channels/{name}"});
    return;
  }
  ++counters_.queries;
  model::AppRef app = call->app;
  around_.channels.list_channels(
      std::move(app), prefix,
      [this, call = std::move(call),
       asked = *wanted](std::vector<channel::ChannelCounts> found) mutable {
        std::string body;
        json::Writer writer(body);
        writer.begin_object();
        writer.key("channels");
        writer.begin_object();
        for (const channel::ChannelCounts& counts : found) {
          writer.key(counts.channel);
          writer.begin_object();
          write_counts(writer, asked, counts, counts.channel.starts_with("presence-"));
          writer.end_object();
        }
        writer.end_object();
        writer.end_object();
        succeed(std::move(call), std::move(body));
      });
}

void PusherApi::show(CallPtr call) {
  if (!admit_query(call)) return;
  const auto channel = channel_of(call);
  if (!channel) return;
  const auto wanted = attributes_of(call);
  if (!wanted) return;
  if (wanted->user_count && !channel->is_presence()) {
    fail(std::move(call), {Errc::kInvalidInput,
                           "info=user_count is only there for presence "
                           "channels, " +
                               shown(channel->text()) + " is none; ask for subscription_count"});
    return;
  }
  if (wanted->cache && !channel->is_cache()) {
    fail(std::move(call),
         {Errc::kInvalidInput, "info=cache is only there for cache channels, " +
                                   shown(channel->text()) + " is none; name it cache-..."});
    return;
  }
  ++counters_.queries;
  model::AppRef app = call->app;
  around_.channels.find_channel(
      std::move(app), *channel,
      [this, call = std::move(call), asked = *wanted](channel::ChannelState state) mutable {
        std::string body;
        json::Writer writer(body);
        writer.begin_object();
        writer.key("occupied");
        writer.boolean(state.is_occupied);
        write_counts(writer, asked, state.counts, true);  // others were refused above
        if (asked.cache) writer.key("cache");
        if (asked.cache && state.cache) {
          writer.begin_object();
          writer.key("data");
          writer.raw(state.cache->data);
          writer.key("ttl");
          writer.number(state.cache->ttl_seconds);
          writer.end_object();
        } else if (asked.cache) {
          writer.null();
        }
        writer.end_object();
        succeed(std::move(call), std::move(body));
      });
}

void PusherApi::users(CallPtr call) {
  if (!admit_query(call)) return;
  const auto channel = channel_of(call);
  if (!channel) return;
  if (!channel->is_presence()) {
    fail(std::move(call),
         {Errc::kInvalidInput, "only presence channels have users, " + shown(channel->text()) +
                                   " is none; name it presence-..."});
    return;
  }
  ++counters_.queries;
  model::AppRef app = call->app;
  around_.channels.list_users(std::move(app), *channel,
                              [this, call = std::move(call)](std::vector<std::string> ids) mutable {
                                std::string body;
                                json::Writer writer(body);
                                writer.begin_object();
                                writer.key("users");
                                writer.begin_array();
                                for (const std::string& id : ids) {
                                  writer.begin_object();
                                  writer.key("id");
                                  writer.raw(id);
                                  writer.end_object();
                                }
                                writer.end_array();
                                writer.end_object();
                                succeed(std::move(call), std::move(body));
                              });
}

bool PusherApi::admit_query(CallPtr& call) {
  return admit(call, call->app->read_requests, call->app->options.max_read_requests_per_second, 1);
}

bool PusherApi::admit(CallPtr& call, const base::RateBucket& bucket, std::uint32_t per_second,
                      std::size_t count) {
  const std::string& id = call->app->options.id;
  const auto wait = bucket.take(per_second, count, around_.clock.now());
  if (!wait) return true;
  const Error error{Errc::kRateLimited, "the app " + shown(id) + " may make " +
                                            std::to_string(per_second) +
                                            " per second on this node; try again in " +
                                            std::to_string(*wait) + " s or raise the limit"};
  fail(std::move(call), error, *wait);
  return false;
}

std::unique_ptr<model::ChannelName> PusherApi::channel_of(CallPtr& call) {
  const std::string text = param(call->path, "channel");
  const std::uint32_t length_max = call->app->options.max_channel_name_length;
  auto name = model::ChannelName::parse(text, length_max);
  if (name) return std::make_unique<model::ChannelName>(std::move(name).value());
  fail(std::move(call),
       {Errc::kInvalidInput, std::string(model::describe(name.error().code)) + ": " + shown(text) +
                                 "; use 1 to " + std::to_string(length_max) +
                                 " of A-Z a-z 0-9 _ - = @ , . ; :"});
  return nullptr;
}

std::unique_ptr<Attributes> PusherApi::attributes_of(CallPtr& call) {
  const std::string* const text = http::find_param(call->query, "info");
  if (text == nullptr) return std::make_unique<Attributes>();
  const auto wanted = read_attributes(*text);
  if (wanted && wanted.value().level) {
    fail(std::move(call), {Errc::kInvalidInput, "info=level is only there for publishes"});
    return nullptr;
  }
  if (wanted) return std::make_unique<Attributes>(wanted.value());
  fail(std::move(call), wanted.error());
  return nullptr;
}

void PusherApi::succeed(CallPtr call, std::string body) {
  settle(*call, body);
  http::Response response = http::json_response(200, std::move(body));
  cors_.allow(call->request, response);
  call->responder.answer(std::move(response));
}

http::Response PusherApi::refusal(const Call& call, const Error& error,
                                  std::uint32_t retry_after_s) {
  ++counters_.of(error.code);
  http::Response response = error_response(error);
  if (!call.allow.empty()) response.headers.push_back({"Allow", call.allow});
  if (retry_after_s != 0) {
    response.headers.push_back({"Retry-After", std::to_string(retry_after_s)});
  }
  cors_.allow(call.request, response);
  return response;
}

void PusherApi::fail(CallPtr call, const Error& error, std::uint32_t retry_after_s) {
  settle(*call, {});
  call->responder.answer(refusal(*call, error, retry_after_s));
}

void PusherApi::settle(Call& call, const std::string& answer) {
  for (const std::string& key : call.unsettled) {
    around_.channels.settle_idempotent(call.app, key, answer);
  }
  call.unsettled.clear();
}

}  // namespace mr::api
