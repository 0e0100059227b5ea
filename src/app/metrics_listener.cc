#include "app/metrics_listener.h"

namespace mr::app {

MetricsListener::MetricsListener(net::Loop& loop, const http::Options& options,
                                 const api::AdminSources& sources, const api::AdminOptions& admin)
    : loop_(loop), admin_(admin, sources), service_(admin_), http_(loop, service_, options) {}

base::Result<base::Done, net::NetErrc> MetricsListener::listen(const net::Address& address) {
  net::ListenOptions options;
  options.address = address;
  auto listener = loop_.listen(options, *this);
  if (!listener) return listener.error();
  listener_ = listener.value();
  return base::Done{};
}

void MetricsListener::on_accept(net::SocketHandle socket, const net::PeerAddress& peer) {
  http_.adopt(socket, peer);
}

}  // namespace mr::app
