#include "tls/client_context.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "tls/client_stream.h"

namespace mr::tls {
namespace {

using Failure = base::Error<ContextErrc>;
using Step = base::Result<base::Done, ContextErrc>;

// The first error that OpenSSL has; the system's reason where a file was the matter.
std::string reason() {
  const unsigned long error = ERR_get_error();
  ERR_clear_error();
  if (ERR_SYSTEM_ERROR(error)) return std::strerror(static_cast<int>(ERR_GET_REASON(error)));
  const char* const text = ERR_reason_error_string(error);
  return text != nullptr ? text : "no PEM";
}

std::string named(std::string_view keys, std::string_view key, const std::string& file) {
  return "\"" + std::string(keys) + "." + std::string(key) + "\" \"" + file + "\"";
}

Step load_authorities(SSL_CTX* context, const ClientOptions& options, std::string_view keys) {
  if (options.ca_file.empty()) {
    if (SSL_CTX_set_default_verify_paths(context) == 1) return base::Done{};
    return Failure{ContextErrc::kAuthorities,
                   "the authorities of this system cannot be read: name a file of them in \"" +
                       std::string(keys) + ".ca_file\""};
  }
  if (SSL_CTX_load_verify_file(context, options.ca_file.c_str()) == 1) return base::Done{};
  return Failure{ContextErrc::kAuthorities,
                 named(keys, "ca_file", options.ca_file) + " cannot be read (" + reason() +
                     "): name a PEM file with the certificates of authorities"};
}

Step load_certificate(SSL_CTX* context, const ClientOptions& options, std::string_view keys) {
  if (options.cert_file.empty()) return base::Done{};
  if (SSL_CTX_use_certificate_chain_file(context, options.cert_file.c_str()) != 1) {
    return Failure{ContextErrc::kCertificate,
                   named(keys, "cert_file", options.cert_file) + " cannot be read (" + reason() +
                       "): name a PEM file with this node's certificate and its chain"};
  }
  // A key of another certificate fails here too, with the reason.
  if (SSL_CTX_use_PrivateKey_file(context, options.key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
    return Failure{ContextErrc::kKey, named(keys, "key_file", options.key_file) +
                                          " cannot be used (" + reason() +
                                          "): name a PEM file with the key of \"" +
                                          std::string(keys) + ".cert_file\", without a passphrase"};
  }
  return base::Done{};
}

// Nobody is there to type one.
int no_passphrase(char*, int, int, void*) { return 0; }

}  // namespace

void ClientContext::Free::operator()(ssl_ctx_st* context) const { SSL_CTX_free(context); }
void ClientContext::Free::operator()(bio_method_st* method) const { BIO_meth_free(method); }

ClientContext::ClientContext(ClientOptions options, std::string_view keys)
    : options_(std::move(options)),
      keys_(keys),
      context_(SSL_CTX_new(TLS_client_method())),
      transport_(ClientStream::make_transport()) {}

base::Result<std::shared_ptr<const ClientContext>, ContextErrc> ClientContext::make(
    const ClientOptions& options, std::string_view keys) {
  ERR_clear_error();
  std::shared_ptr<const ClientContext> made(new ClientContext(options, keys));
  SSL_CTX* const context = made->raw();
  if (context == nullptr || made->transport() == nullptr ||
      SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1) {
    return Failure{ContextErrc::kSystem, "OpenSSL does not start (" + reason() + ")"};
  }
  // Brokers end connections without words; what they say has its own frames.
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_default_passwd_cb(context, &no_passphrase);
  if (auto done = load_authorities(context, options, keys); !done.ok()) return done.error();
  if (auto done = load_certificate(context, options, keys); !done.ok()) return done.error();
  return made;
}

}  // namespace mr::tls
