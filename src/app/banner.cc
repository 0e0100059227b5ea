#include "app/banner.h"

#include <fmt/format.h>

namespace mr::app {

std::string development_banner(const config::Settings& settings, std::uint16_t port) {
  const model::AppOptions& app = settings.apps.front();
  std::string host = settings.host;
  if (host == "0.0.0.0") host = "127.0.0.1";
  if (host == "::") host = "::1";
  if (host.find(':') != std::string::npos) host = "[" + host + "]";  // as in a URL
  return fmt::format(
      R"banner(Millrace development node (no apps configured; never use these credentials elsewhere)

  demo     http://{host}:{port}/demo
  app      id {id}   key {key}   secret {secret}

  // browser or Node, npm package pusher-js
  const pusher = new Pusher('{key}', {{wsHost: '{host}', wsPort: {port}, forceTLS: false,
    enabledTransports: ['ws'], cluster: 'local'}});
  pusher.subscribe('ticker-simulated').bind('ticker', console.log);

  # publish with curl
  B='{{"name":"hello","channel":"my-channel","data":"world"}}'; P=/apps/{id}/events
  Q="auth_key={key}&auth_timestamp=$(date +%s)&auth_version=1.0&body_md5=$(printf %s "$B" | openssl md5 -r | cut -d' ' -f1)"
  S=$(printf 'POST\n%s\n%s' "$P" "$Q" | openssl dgst -sha256 -hmac {secret} -r | cut -d' ' -f1)
  curl -H 'Content-Type: application/json' -d "$B" "http://{host}:{port}$P?$Q&auth_signature=$S"

)banner",
      fmt::arg("host", host), fmt::arg("port", port), fmt::arg("id", app.id),
      fmt::arg("key", app.key), fmt::arg("secret", app.secret));
}

}  // namespace mr::app
