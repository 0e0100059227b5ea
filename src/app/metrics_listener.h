#pragma once

#include <string>

#include "api/admin/admin.h"
#include "config/settings.h"
#include "http/connection_pool.h"
#include "net/loop.h"

namespace mr::app {

// /metrics, health and /admin on their own port, on the control loop.
class MetricsListener final : public net::AcceptEvents {
 public:
  MetricsListener(net::Loop& loop, const http::Options& options, const api::AdminSources& sources,
                  const api::AdminOptions& admin);

  base::Result<base::Done, net::NetErrc> listen(const net::Address& address);
  std::uint16_t port() const { return loop_.listener_port(listener_); }
  void on_accept(net::SocketHandle socket, const net::PeerAddress& peer) override;

 private:
  net::Loop& loop_;
  api::Admin admin_;
  api::AdminService service_;
  http::ConnectionPool http_;
  net::ListenerHandle listener_ = net::ListenerHandle::kNone;
};

}  // namespace mr::app
