#include "cluster/nats/error_text.h"

#include <nats/nats.h>
#include <openssl/x509_vfy.h>

#include <algorithm>
#include <charconv>

#include "tls/refusal.h"

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

// What stands behind `name` in the library's "20:reason:depth=0:cert=/CN=a:issuer=/CN=b".
std::string part_of(std::string_view text, std::string_view name) {
  const std::size_t at = text.find(name);
  if (at == text.npos) return {};
  text.remove_prefix(at + name.size());
  return std::string(text.substr(0, std::min(text.find(":issuer="), text.find(":cert="))));
}

std::string explain_tls(const std::string& where, std::string_view error,
                        const NatsOptions& options) {
  constexpr std::string_view kBegin = "SSL handshake error: ";
  const std::size_t at = error.find(kBegin);
  if (at == error.npos) {
    return "TLS to NATS at " + where + " cannot begin (" + shown(error, options) +
           "): correct the files of adapter.nats.tls";
  }
  error.remove_prefix(at + kBegin.size());
  tls::CertificateFault fault;
  std::from_chars(error.data(), error.data() + error.size(), fault.code);
  if (fault.code == X509_V_OK) {
    return "TLS to NATS at " + where + " was not finished within " +
           in_ms(options.connect_timeout) + ", or ended (" + shown(error, options) +
           "): its log may say why, or it hangs";
  }
  std::string expected = part_of(error, ":expected=");
  if (expected.empty()) expected = where;
  fault.names = shown(part_of(error, ":cert="), options);
  fault.issuer = shown(part_of(error, ":issuer="), options);
  const std::string& name = options.tls.server_name;
  return "TLS to NATS at " + where + ": " +
         tls::explain_refusal(
             {options.tls, "adapter.nats.tls", !name.empty() ? name : shown(expected, options)},
             fault, 0);
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

std::string explain_connect(int status, std::string_view error, const NatsOptions& options) {
  const std::string where = addresses_of(options);
  switch (static_cast<natsStatus>(status)) {
    case NATS_CONNECTION_AUTH_FAILED:
      return "NATS at " + where +
             " refuses the login: correct adapter.nats.username and adapter.nats.password, or "
             "adapter.nats.token";
    case NATS_SECURE_CONNECTION_REQUIRED:
      return "NATS at " + where + " wants TLS: set adapter.nats.tls.enabled";
    case NATS_SECURE_CONNECTION_WANTED:
      return "NATS at " + where +
             " has no TLS, and nothing is said to it without: configure `tls` there, or turn "
             "adapter.nats.tls.enabled off";
    case NATS_SSL_ERROR:
      return explain_tls(where, error, options);
    case NATS_PROTOCOL_ERROR:
    case NATS_IO_ERROR:
    case NATS_CONNECTION_CLOSED:
      if (options.tls.is_on) {
        return "NATS at " + where + " ended the connection after the TLS handshake: " +
               (options.tls.cert_file.empty()
                    ? "if its log asks for a certificate, set adapter.nats.tls.cert_file and "
                      "adapter.nats.tls.key_file"
                    : "its log says whether it refuses the certificate of "
                      "adapter.nats.tls.cert_file");
      }
      return "NATS at " + where + " ended the connection (" + shown(error, options) +
             "): is it a NATS (adapter.nats.servers)?";
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
