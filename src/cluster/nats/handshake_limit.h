#pragma once

namespace mr::cluster::nats {

// libnats makes its TLS handshakes on a blocking socket, without a limit of time. From the first
// call on no read and no write of such a handshake in this process takes more than a second: a
// server that hangs in it is given up. Other uses of OpenSSL are left alone. Any thread.
void limit_handshakes();

}  // namespace mr::cluster::nats
