#include "demo/authorize.h"

#include <array>
#include <optional>
#include <utility>

#include "http/query.h"
#include "json/writer.h"
#include "model/socket_id.h"
#include "pusher/auth.h"
#include "pusher/rest_auth.h"

namespace mr::demo {
namespace {

constexpr std::size_t kBodyBytesMax = 256 * 1024;

constexpr std::array<std::string_view, 16> kColours = {
    "amber", "azure", "cobalt", "copper", "coral",  "crimson", "golden", "indigo",
    "ivory", "jade",  "lilac",  "olive",  "pearly", "russet",  "silver", "teal"};
constexpr std::array<std::string_view, 16> kThings = {
    "anvil",  "bellows", "cogwheel", "compass", "gimlet",  "hourglass", "kettle",  "lantern",
    "ledger", "pulley",  "quill",    "rudder",  "sextant", "spindle",   "thimble", "waterwheel"};

http::Response refuse(std::string_view message) {
  std::string body;
  json::Writer writer(body);
  writer.begin_object();
  writer.key("error");
  writer.string(message);
  writer.end_object();
  return http::json_response(400, std::move(body));
}

// A name for somebody who did not say who they are: the same connection, the same thing.
std::string thing_name(const model::SocketId& id) {
  std::string name(kColours[id.high % kColours.size()]);
  name += ' ';
  name += kThings[id.low % kThings.size()];
  return name;
}

// What a caller may say, from a form or a JSON object. `user_info` is JSON text.
struct Claim {
  std::string socket_id;
  std::string channel;
  std::string user_id;  // JSON text: a string or a number
  std::string user_info;
};

std::optional<Claim> from_form(std::string_view body) {
  const auto params = http::parse_query(body);
  if (!params) return std::nullopt;
  Claim claim;
  if (const auto* value = http::find_param(*params, "socket_id")) claim.socket_id = *value;
  if (const auto* value = http::find_param(*params, "channel_name")) claim.channel = *value;
  if (const auto* value = http::find_param(*params, "user_id")) claim.user_id = json::quote(*value);
  if (const auto* value = http::find_param(*params, "user_name")) {
    claim.user_info = "{\"name\":" + json::quote(*value) + "}";
  }
  return claim;
}

std::optional<Claim> from_json(json::Parser& parser, std::string_view body) {
  const auto parsed = parser.parse(body);
  if (!parsed || !parsed.value().is_object()) return std::nullopt;
  const auto text = [&](std::string_view name) {
    const auto member = parsed.value().member(name);
    return std::string(member ? member->as_string().value_or("") : "");
  };
  Claim claim{text("socket_id"), text("channel_name"), {}, {}};
  const auto& root = parsed.value();
  if (const auto id = root.member("user_id")) {
    if (id->type() == json::Type::kString || id->type() == json::Type::kNumber) {
      claim.user_id = id->raw();
    }
  }
  if (const auto user_info = root.member("user_info")) claim.user_info = user_info->raw();
  return claim;
}

std::optional<Claim> read_claim(json::Parser& parser, const http::Request& request) {
  const std::string* type = request.header("content-type");
  const bool is_json = type != nullptr && type->find("json") != std::string::npos;
  return is_json ? from_json(parser, request.body) : from_form(request.body);
}

std::string default_id(const model::SocketId& id) {
  return json::quote("u" + std::to_string(id.low));
}

std::string answer_body(std::string_view auth, std::string_view name,
                        std::string_view signed_text) {
  std::string body;
  json::Writer writer(body);
  writer.begin_object();
  writer.key("auth");
  writer.string(auth);
  if (!name.empty()) {
    writer.key(name);
    writer.string(signed_text);
  }
  writer.end_object();
  return body;
}

constexpr std::string_view kNoClaim =
    "the body is neither a form nor a JSON object; send socket_id and channel_name, as pusher-js "
    "does";

std::string no_socket_id(std::string_view given) {
  return "socket_id '" + std::string(given.substr(0, 64)) +
         "' is not two numbers with a dot; take pusher.connection.socket_id";
}

}  // namespace

Authorizer::Authorizer(model::AppRef app)
    : app_(std::move(app)), hmac_(app_->options.secret), parser_(kBodyBytesMax) {}

http::Response Authorizer::channel(const http::Request& request) {
  auto claim = read_claim(parser_, request);
  if (!claim) return refuse(kNoClaim);
  const auto socket_id = model::SocketId::parse(claim->socket_id);
  if (!socket_id) return refuse(no_socket_id(claim->socket_id));
  if (claim->channel.empty()) return refuse("channel_name is missing; name the channel to join");

  pusher::ChannelClaim wanted{{}, *socket_id, claim->channel, std::nullopt};
  if (!claim->channel.starts_with("presence-")) {
    return http::json_response(200,
                               answer_body(pusher::channel_auth(*app_, hmac_, wanted), "", ""));
  }
  if (claim->user_id.empty()) claim->user_id = default_id(*socket_id);
  if (claim->user_info.empty()) {
    claim->user_info = "{\"name\":" + json::quote(thing_name(*socket_id)) + "}";
  }
  const std::string channel_data =
      "{\"user_id\":" + claim->user_id + ",\"user_info\":" + claim->user_info + "}";
  wanted.channel_data = channel_data;
  return http::json_response(
      200, answer_body(pusher::channel_auth(*app_, hmac_, wanted), "channel_data", channel_data));
}

http::Response Authorizer::user(const http::Request& request) {
  const auto claim = read_claim(parser_, request);
  if (!claim) return refuse(kNoClaim);
  const auto socket_id = model::SocketId::parse(claim->socket_id);
  if (!socket_id) return refuse(no_socket_id(claim->socket_id));
  const std::string id = claim->user_id.empty() ? default_id(*socket_id) : claim->user_id;
  const std::string user_data =
      "{\"id\":" + id + ",\"user_info\":{\"name\":" + json::quote(thing_name(*socket_id)) + "}}";
  const pusher::UserClaim wanted{{}, *socket_id, user_data};
  return http::json_response(
      200, answer_body(pusher::user_auth(*app_, hmac_, wanted), "user_data", user_data));
}

http::Response Authorizer::publish(const http::Request& request, base::WallTime now) {
  const auto parsed = parser_.parse(request.body);
  if (!parsed) return refuse("the body is not JSON; send {\"method\",\"path\",\"body\"}");
  const auto text = [&](std::string_view name) {
    const auto member = parsed.value().member(name);
    return std::string(member ? member->as_string().value_or("") : "");
  };
  const std::string method = text("method");
  const std::string path = text("path");
  const std::string body = text("body");
  if ((method != "GET" && method != "POST") || !path.starts_with("/apps/")) {
    return refuse("method must be GET or POST and path begin with /apps/; see the REST API");
  }
  const pusher::Parameters parameters;
  const std::string url =
      pusher::sign_rest_path(*app_, hmac_, {method, path, parameters, body}, now);
  return http::json_response(200, "{\"url\":" + json::quote(url) + "}");
}

}  // namespace mr::demo
