#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/cors.h"
#include "api/counters.h"
#include "api/options.h"
#include "api/publish.h"
#include "base/clock.h"
#include "channel/service.h"
#include "http/router.h"
#include "http/service.h"
#include "json/parser.h"
#include "model/app.h"
#include "pusher/auth.h"

namespace mr::api {

// Pusher's HTTP API (https://pusher.com/docs/channels/library_auth_reference/rest-api/): signed
// requests under /apps/{id}, answers and errors as JSON. One per loop, with that loop's services,
// which outlive it; it must outlive the requests in flight. It does not serve health or metrics:
// the caller dispatches those before, and gives it everything else for its 404.
class PusherApi {
 public:
  struct Surroundings {
    channel::Service& channels;
    model::AppStore& apps;
    json::Parser& parser;  // its size cap is the largest body that is read
    const base::Clock& clock;
  };

  PusherApi(Surroundings around, const Options& options, std::uint64_t hash_seed);

  // Answers exactly once, now or when the channels' home loops have answered.
  void handle(http::Request request, http::Responder responder);
  // The answer to a request that is refused whatever its body is; none: handle() it when the
  // body is there.
  std::optional<http::Response> refuse_head(const http::Request& head);
  const Counters& counters() const { return counters_; }

 private:
  // One request on its way.
  struct Call {
    http::Request request;
    http::Responder responder;
    http::Params path;
    http::Params query;
    std::string allow;  // what the path takes, when it does not take this method
    void (PusherApi::*route)(std::unique_ptr<Call>) = nullptr;
    model::AppRef app;
    std::vector<std::string> unsettled;  // keys that wait for this call's answer
  };
  using CallPtr = std::unique_ptr<Call>;
  using Route = void (PusherApi::*)(CallPtr);
  enum class Part : std::uint8_t { kHead, kAll };

  // What is wrong with the path or the query; else both are in the call.
  std::optional<Error> find_route(Call& call) const;
  // What is wrong with the app or the signature.
  std::optional<Error> check(const Call& call, Part part);
  void authorize(CallPtr call);
  // Runs `next` unless the key was answered before; then that answer is given.
  void once(CallPtr call, std::string key, base::Function<void(CallPtr)> next);

  void events(CallPtr call);
  void batch_events(CallPtr call);
  void publish(CallPtr call, base::Result<Publication, Errc> read);
  void release(CallPtr call, Publication publication);
  void broadcast(CallPtr call);
  // To all connections of the app.
  void spread(CallPtr call, channel::BroadcastEvent event);
  void terminate(CallPtr call);

  void list(CallPtr call);
  void show(CallPtr call);
  void users(CallPtr call);

  // False, and the call is answered, when the app's rate is used up.
  bool admit(CallPtr& call, const base::RateBucket& bucket, std::uint32_t per_second,
             std::size_t count);
  bool admit_query(CallPtr& call);
  // Null, and the call is answered, when the name in the path or `info` is no good.
  std::unique_ptr<model::ChannelName> channel_of(CallPtr& call);
  std::unique_ptr<Attributes> attributes_of(CallPtr& call);

  http::Response refusal(const Call& call, const Error& error, std::uint32_t retry_after_s);
  void succeed(CallPtr call, std::string body);
  void fail(CallPtr call, const Error& error, std::uint32_t retry_after_s = 0);
  void settle(Call& call, const std::string& answer);

  Surroundings around_;
  Options options_;
  Cors cors_;
  http::Router<Route> routes_;
  pusher::Signers signers_;
  Counters counters_;
};

}  // namespace mr::api
