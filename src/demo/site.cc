#include "demo/site.h"

#include <algorithm>
#include <array>
#include <utility>

#include "demo/embedded.h"
#include "demo/market.h"
#include "json/writer.h"

namespace mr::demo {
namespace {

// The channels of the public recorded tickers, for `millrace replay`; quiet until one plays.
constexpr std::array<std::string_view, 15> kRecorded = {
    "ticker-binance",      "ticker-binance-us",     "ticker-binance-um",  "ticker-binance-cm",
    "ticker-bybit-linear", "ticker-bybit-spot",     "ticker-cryptocom",   "ticker-coinbase",
    "ticker-kucoin",       "ticker-bitget-spot",    "ticker-bitget-perp", "ticker-okx",
    "ticker-bitflyer",     "ticker-kraken-futures", "ticker-deribit"};

std::string_view content_type(std::string_view name) {
  if (name.ends_with(".html")) return "text/html; charset=utf-8";
  if (name.ends_with(".css")) return "text/css; charset=utf-8";
  if (name.ends_with(".js")) return "text/javascript; charset=utf-8";
  if (name.ends_with(".svg")) return "image/svg+xml";
  return "application/octet-stream";
}

// The page may load nothing from elsewhere and talk only to its own node.
constexpr std::string_view kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self' ws: wss:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

}  // namespace

Pages::Pages(const model::App& app) {
  json::Writer writer(settings_);
  writer.begin_object();
  writer.key("app_id");
  writer.string(app.options.id);
  writer.key("key");
  writer.string(app.options.key);
  writer.key("secret");
  writer.string(app.options.secret);
  writer.key("channels");
  writer.begin_array();
  writer.string(Market::kChannel);
  for (const auto channel : kRecorded) writer.string(channel);
  writer.end_array();
  writer.end_object();
}

std::optional<Pages::Page> Pages::find(std::string_view path) const {
  if (!Site::owns(path)) return std::nullopt;
  std::string_view name = path.substr(std::string_view("/demo").size());
  if (name.starts_with('/')) name.remove_prefix(1);
  if (name.empty()) name = "index.html";
  if (name == "settings.json") return Page{"application/json", settings_};
  const auto files = embedded_files();
  const auto found = std::find_if(files.begin(), files.end(),
                                  [&](const EmbeddedFile& file) { return file.name == name; });
  if (found == files.end()) return std::nullopt;
  return Page{content_type(name), found->bytes()};
}

Site::Site(model::AppRef app, const base::Clock& clock)
    : clock_(clock), pages_(*app), authorizer_(std::move(app)) {}

bool Site::owns(std::string_view path) { return path == "/demo" || path.starts_with("/demo/"); }

http::Response Site::serve(const http::Request& request) {
  if (request.method == http::Method::kPost) return post(request);
  if (request.method != http::Method::kGet && request.method != http::Method::kHead) {
    http::Response refused =
        http::text_response(405, "only GET, HEAD and POST are served below /demo\n");
    refused.headers.push_back({"Allow", "GET, HEAD, POST"});
    return refused;
  }
  const auto page = pages_.find(request.path);
  if (!page) {
    return http::text_response(404, "no such page: " + request.path + "; the demo is at /demo\n");
  }
  http::Response response;
  response.content_type = page->content_type;
  response.body = page->bytes;
  response.headers = {{"Cache-Control", "no-cache"},
                      {"Content-Security-Policy", std::string(kPolicy)},
                      {"X-Content-Type-Options", "nosniff"}};
  return response;
}

http::Response Site::post(const http::Request& request) {
  if (request.path == "/demo/auth") return authorizer_.channel(request);
  if (request.path == "/demo/user-auth") return authorizer_.user(request);
  if (request.path == "/demo/sign") return authorizer_.publish(request, clock_.wall_now());
  return http::text_response(404, "no such endpoint: " + request.path +
                                      "; there are /demo/auth, /demo/user-auth, /demo/sign\n");
}

}  // namespace mr::demo
