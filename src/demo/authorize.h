#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"
#include "crypto/hmac.h"
#include "http/request.h"
#include "http/response.h"
#include "json/parser.h"
#include "model/app.h"

namespace mr::demo {

// What a team's own back end does in production, for the development node only: it grants
// everything to everybody. Nobody may reach it where secrets matter.
//
//   channel  POST: socket_id, channel_name[, user_id][, user_info]
//                  -> {"auth"[,"channel_data"]}        (Pusher: "Authorizing users")
//   user     POST: socket_id[, user_id] -> {"auth","user_data"}   ("Authenticating users")
//   publish  POST JSON {"method","path"[,"body"]} -> {"url"}: a signed path for the REST API
//
// The first two take a form, as pusher-js sends it, or a JSON object. Without a user_id the
// visitor gets one that is derived from the socket id, and a name of a thing.
// One per loop. Wrong input is answered 400 with a sentence.
class Authorizer {
 public:
  explicit Authorizer(model::AppRef app);

  http::Response channel(const http::Request& request);
  http::Response user(const http::Request& request);
  http::Response publish(const http::Request& request, base::WallTime now);

 private:
  model::AppRef app_;
  crypto::HmacSha256 hmac_;
  json::Parser parser_;
};

}  // namespace mr::demo
