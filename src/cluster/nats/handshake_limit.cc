#include "cluster/nats/handshake_limit.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <initializer_list>

namespace mr::cluster::nats {
namespace {

constexpr timeval kStepMax{1, 0};

void on_step(const SSL* stream, int where, int) {
  if ((where & SSL_CB_HANDSHAKE_START) == 0) return;
  const int socket = SSL_get_fd(stream);
  // Who does not block needs no limit, and libnats does not once the handshake is over.
  if (socket < 0 || (fcntl(socket, F_GETFL) & O_NONBLOCK) != 0) return;
  for (const int each : {SO_RCVTIMEO, SO_SNDTIMEO}) {
    setsockopt(socket, SOL_SOCKET, each, &kStepMax, sizeof kStepMax);
  }
}

}  // namespace

void limit_handshakes() {
  // Its options give no way to its socket or its context, OpenSSL does.
  const auto on_new = [](void* stream, auto...) {
    SSL_set_info_callback(static_cast<SSL*>(stream), &on_step);
  };
  [[maybe_unused]] static const int kIndex =
      CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_SSL, 0, nullptr, on_new, nullptr, nullptr);
}

}  // namespace mr::cluster::nats
