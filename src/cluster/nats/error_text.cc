#include "cluster/nats/error_text.h"

#include <nats/nats.h>

#include <algorithm>

namespace mr::cluster::nats {
namespace {

constexpr std::size_t kErrorBytesMax = 200;

std::string in_ms(base::Duration duration) {
  using std::chrono::milliseconds;
  return std::to_string(std::chrono::duration_cast<milliseconds>(duration).count()) + " ms";
}

// The server repeats names of subjects, which hold nothing secret; a password that stands in its
// text all the same is none of ours to print.
std::string shown(std::string_view error, const NatsOptions& options) {
  std::string text(error.substr(0, kErrorBytesMax));
  for (const std::string& secret : {options.password, options.token}) {
    if (!secret.empty() && text.find(secret) != std::string::npos) return "an error";
  }
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c > 0x7e; }, '?');
  return text;
}

}  // namespace

std::string addresses_of(const NatsOptions& options) {
  std::string text;
  for (const std::string& server : options.servers) {
    if (!text.empty()) text += ", ";
    text += server;
  }
  return text;
}

std::string explain_connect(int status, const NatsOptions& options) {
  const std::string where = addresses_of(options);
  switch (static_cast<natsStatus>(status)) {
    case NATS_CONNECTION_AUTH_FAILED:
      return "NATS at " + where +
             " refuses the login: correct adapter.nats.username and adapter.nats.password, or "
             "adapter.nats.token";
    case NATS_SECURE_CONNECTION_REQUIRED:
    case NATS_SECURE_CONNECTION_WANTED:
      return "NATS at " + where +
             " wants TLS, which this version does not have towards NATS: switch it off there, and "
             "keep the network between private";
    case NATS_TIMEOUT:
      return "NATS at " + where + " did not answer within " + in_ms(options.connect_timeout) +
             ": it hangs, is out of reach, or is no NATS (adapter.nats.servers)";
    case NATS_NO_SERVER:
      return "cannot connect to NATS at " + where +
             ": nobody answers there, or it is out of reach; start it, or correct "
             "adapter.nats.servers";
    default:
      return "cannot connect to NATS at " + where + " (" +
             natsStatus_GetText(static_cast<natsStatus>(status)) +
             "); start it, or correct adapter.nats.servers";
  }
}

std::string explain_error(std::string_view where, std::string_view error,
                          const NatsOptions& options) {
  return "NATS at " + std::string(where) + " answers \"" + shown(error, options) +
         "\": its user needs the right to publish and to subscribe to " + options.prefix +
         ".bus.> there";
}

std::string explain_store_error(std::string_view where, std::string_view error,
                                const NatsOptions& options) {
  return "NATS at " + std::string(where) + " answers \"" + shown(error, options) +
         "\": its user needs the right to publish to $JS.API.> and $KV.>, and to subscribe to "
         "_INBOX.> there";
}

}  // namespace mr::cluster::nats
