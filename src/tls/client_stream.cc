#include "tls/client_stream.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <climits>

#include "base/assert.h"

namespace mr::tls {

// OpenSSL's way to the socket: nothing is kept between, and a call that would wait says so.
struct ClientStream::Transport {
  static int finish(BIO* bio, const net::IoResult& result, int retry) {
    BIO_clear_retry_flags(bio);
    if (result.status == net::IoStatus::kOk) return static_cast<int>(result.bytes);
    if (result.status == net::IoStatus::kClosed) return 0;
    BIO_set_flags(bio, retry | BIO_FLAGS_SHOULD_RETRY);
    return -1;
  }
  static int read(BIO* bio, char* into, int size) {
    auto& own = *static_cast<ClientStream*>(BIO_get_data(bio));
    const std::span room(reinterpret_cast<std::byte*>(into), static_cast<std::size_t>(size));
    return finish(bio, own.loop_.read(own.socket_, room), BIO_FLAGS_READ);
  }
  static int write(BIO* bio, const char* bytes, int size) {
    auto& own = *static_cast<ClientStream*>(BIO_get_data(bio));
    const iovec part{const_cast<char*>(bytes), static_cast<std::size_t>(size)};
    const net::IoResult put = own.loop_.write(own.socket_, {&part, 1});
    const int result = finish(bio, put, BIO_FLAGS_WRITE);
    return result == 0 ? -1 : result;
  }
  static long control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }
};

bio_method_st* ClientStream::make_transport() {
  BIO_METHOD* const made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "loop socket");
  if (made == nullptr) return nullptr;
  BIO_meth_set_read(made, &Transport::read);
  BIO_meth_set_write(made, &Transport::write);
  BIO_meth_set_ctrl(made, &Transport::control);
  return made;
}

void ClientStream::Free::operator()(ssl_st* stream) const { SSL_free(stream); }

ClientStream::ClientStream(const ClientContext& context, net::Loop& loop, net::SocketHandle socket,
                           const std::string& host)
    : context_(context),
      loop_(loop),
      socket_(socket),
      name_(context.options().server_name.empty() ? host : context.options().server_name),
      stream_(SSL_new(context.raw())) {
  BIO* const bio = BIO_new(context.transport());
  MR_ASSERT(stream_ && bio != nullptr, "OpenSSL has no memory");
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(stream_.get(), bio, bio);
  SSL_set_app_data(stream_.get(), this);
  SSL_set_connect_state(stream_.get());
  // An address becomes one of the certificate's addresses, and is no name of TLS.
  X509_VERIFY_PARAM* const wanted = SSL_get0_param(stream_.get());
  const bool is_address = X509_VERIFY_PARAM_set1_ip_asc(wanted, name_.c_str()) == 1;
  if (!is_address) {
    SSL_set_hostflags(stream_.get(), X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    const bool is_set = SSL_set1_host(stream_.get(), name_.c_str()) == 1 &&
                        SSL_set_tlsext_host_name(stream_.get(), name_.c_str()) == 1;
    // Nothing would be checked then.
    if (!is_set) failure_ = "\"" + name_ + "\" is no name of a server that TLS can check";
  }
  SSL_set_verify(stream_.get(), context.options().verifies ? SSL_VERIFY_PEER : SSL_VERIFY_NONE,
                 context.options().verifies ? &on_verified : nullptr);
}

ClientStream::~ClientStream() = default;

int ClientStream::on_verified(int is_good, X509_STORE_CTX* chain) {
  if (is_good == 1) return 1;
  const auto* const stream = static_cast<const SSL*>(
      X509_STORE_CTX_get_ex_data(chain, SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto& own = *static_cast<ClientStream*>(SSL_get_app_data(stream));
  own.fault_ = fault_of(X509_STORE_CTX_get_error(chain), X509_STORE_CTX_get_current_cert(chain));
  return 0;
}

ClientStream::Step ClientStream::handshake() {
  if (!failure_.empty()) return Step::kFailed;
  ERR_clear_error();
  const int result = SSL_do_handshake(stream_.get());
  if (result == 1) return Step::kDone;
  return status_of(result) == net::IoStatus::kBlocked ? Step::kBlocked : Step::kFailed;
}

net::IoResult ClientStream::read(std::span<std::byte> into) {
  ERR_clear_error();
  std::size_t got = 0;
  const int result = SSL_read_ex(stream_.get(), into.data(), into.size(), &got);
  if (result == 1) return {.status = net::IoStatus::kOk, .bytes = got};
  return {.status = status_of(result)};
}

net::IoResult ClientStream::write(std::span<const std::byte> bytes) {
  ERR_clear_error();
  std::size_t put = 0;
  const int result = SSL_write_ex(stream_.get(), bytes.data(), bytes.size(), &put);
  if (result == 1) return {.status = net::IoStatus::kOk, .bytes = put};
  return {.status = status_of(result)};
}

net::IoStatus ClientStream::status_of(int result) {
  switch (SSL_get_error(stream_.get(), result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      return net::IoStatus::kBlocked;
    case SSL_ERROR_SSL:
      if (failure_.empty()) {
        failure_ =
            explain_refusal({context_.options(), context_.keys(), name_}, fault_, ERR_peek_error());
      }
      break;
    default:
      break;
  }
  ERR_clear_error();
  return net::IoStatus::kClosed;
}

}  // namespace mr::tls
