#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "http/counters.h"
#include "http/options.h"
#include "http/service.h"
#include "net/loop.h"
#include "net/types.h"

namespace mr::http {

class ServerConnection;

// All HTTP connections of one loop that are not upgraded. Lives on the loop and is owned by the
// node; closes what is left when destroyed. One sweep a second, only while there are connections,
// holds every deadline (so a deadline is met up to a second late).
class ConnectionPool {
 public:
  // `loop` and `service` must outlive the pool.
  ConnectionPool(net::Loop& loop, Service& service, Options options);
  ConnectionPool(const ConnectionPool&) = delete;
  ConnectionPool& operator=(const ConnectionPool&) = delete;
  ~ConnectionPool();

  // Takes an accepted socket; answers 503 and closes it beyond connections_max.
  void adopt(net::SocketHandle socket, const net::PeerAddress& peer);

  // From now on the last answer owed on a connection says Connection: close, and upgrades get 503.
  // Idle connections stay: a request may be on its way.
  void begin_drain() { draining_ = true; }
  // At the end of a drain: closes the connections that owe nothing.
  void close_idle();
  bool is_draining() const { return draining_; }
  // Handed to the service and not yet written to the socket.
  std::size_t open_requests() const { return open_requests_; }
  // Of bodies that are not complete; bounded by body_budget.
  std::size_t body_bytes() const { return body_bytes_; }
  std::size_t connections() const { return connections_.size(); }
  // Closes every connection now, answered or not.
  void close_all();
  const Counters& counters() const { return counters_; }

 private:
  friend class ServerConnection;

  std::uint32_t now_seconds() const;
  std::uint32_t deadline_after(base::Duration delay) const;
  void refuse(net::SocketHandle socket);
  // Frees the connection at the end of the iteration.
  void remove(ServerConnection& connection);
  // Lets the connection go on: at the end of this iteration, or in the next one when it used up
  // its share of this one.
  enum class When : std::uint8_t { kThisIteration, kNextIteration };
  void schedule(ServerConnection& connection, When when);
  void run_scheduled();
  void start_sweep();
  void sweep();

  net::Loop& loop_;
  Service& service_;
  const Options options_;
  const base::TimePoint start_;
  std::vector<std::unique_ptr<ServerConnection>> connections_;
  std::vector<ServerConnection*> scheduled_;
  Counters counters_;
  std::size_t open_requests_ = 0;
  std::size_t body_bytes_ = 0;  // of bodies that are not complete
  net::TimerId sweep_timer_ = net::TimerId::kNone;
  bool draining_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // for tasks that outlive the pool
};

}  // namespace mr::http
