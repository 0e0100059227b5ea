#include "http/connection_pool.h"

#include <algorithm>
#include <string>
#include <utility>

#include "http/server_connection.h"

namespace mr::http {

ConnectionPool::ConnectionPool(net::Loop& loop, Service& service, Options options)
    : loop_(loop), service_(service), options_(options), start_(loop.clock().now()) {}

ConnectionPool::~ConnectionPool() {
  *alive_ = false;
  close_all();
  if (sweep_timer_ != net::TimerId::kNone) loop_.cancel(sweep_timer_);
}

void ConnectionPool::adopt(net::SocketHandle socket, const net::PeerAddress& peer) {
  ++counters_.accepted;
  if (connections_.size() >= options_.connections_max) return refuse(socket);
  auto connection = std::make_unique<ServerConnection>(*this, socket, peer);
  ServerConnection& added = *connection;
  added.index_ = static_cast<std::uint32_t>(connections_.size());
  connections_.push_back(std::move(connection));
  start_sweep();
  loop_.watch(socket, added);
}

void ConnectionPool::refuse(net::SocketHandle socket) {
  ++counters_.of(Refusal::kTooManyConnections);
  ++counters_.responses[5];
  Response response =
      text_response(503, "this node has " + std::to_string(options_.connections_max) +
                             " HTTP connections per loop already; try again or raise the limit\n");
  response.headers.push_back({"Retry-After", "1"});
  std::string bytes = write_response(response, false, false);
  net::IoResult put{net::IoStatus::kOk, 0};
  for (std::size_t at = 0; at < bytes.size() && put.status == net::IoStatus::kOk;) {
    const iovec part{bytes.data() + at, bytes.size() - at};
    put = loop_.write(socket, std::span(&part, 1));
    at += put.bytes;
  }
  loop_.close(socket);
}

void ConnectionPool::close_idle() {
  // From the back: a closed connection is replaced by the last one.
  for (std::size_t i = connections_.size(); i-- > 0;) connections_[i]->close_if_idle();
}

void ConnectionPool::close_all() {
  while (!connections_.empty()) connections_.back()->close();
}

std::uint32_t ConnectionPool::now_seconds() const {
  return static_cast<std::uint32_t>(
      std::chrono::duration_cast<std::chrono::seconds>(loop_.clock().now() - start_).count());
}

std::uint32_t ConnectionPool::deadline_after(base::Duration delay) const {
  const auto when = loop_.clock().now() - start_ + delay;
  return static_cast<std::uint32_t>(std::chrono::ceil<std::chrono::seconds>(when).count());
}

void ConnectionPool::remove(ServerConnection& connection) {
  if (connection.is_scheduled_) std::erase(scheduled_, &connection);
  const std::size_t index = connection.index_;
  MR_ASSERT(connections_[index].get() == &connection, "a connection knows its place");
  std::unique_ptr<ServerConnection> gone = std::move(connections_[index]);
  if (index + 1 != connections_.size()) {
    connections_[index] = std::move(connections_.back());
    connections_[index]->index_ = static_cast<std::uint32_t>(index);
  }
  connections_.pop_back();
  loop_.defer([gone = std::move(gone)] {});
}

void ConnectionPool::schedule(ServerConnection& connection, When when) {
  if (connection.is_scheduled_) return;
  connection.is_scheduled_ = true;
  scheduled_.push_back(&connection);
  if (scheduled_.size() > 1) return;
  auto run = [this, alive = alive_] {
    if (*alive) run_scheduled();
  };
  if (when == When::kThisIteration) {
    loop_.defer(std::move(run));
  } else {
    loop_.post(std::move(run));
  }
}

void ConnectionPool::run_scheduled() {
  // Connections that schedule themselves again come at the back and wait for their own task.
  std::vector<ServerConnection*> now = std::exchange(scheduled_, {});
  for (ServerConnection* connection : now) connection->is_scheduled_ = false;
  for (std::size_t i = 0; i < now.size(); ++i) now[i]->resume();
}

void ConnectionPool::start_sweep() {
  if (sweep_timer_ != net::TimerId::kNone) return;
  sweep_timer_ = loop_.after(std::chrono::seconds(1), [this] { sweep(); });
}

void ConnectionPool::sweep() {
  sweep_timer_ = net::TimerId::kNone;
  const std::uint32_t now = now_seconds();
  for (std::size_t i = connections_.size(); i-- > 0;) connections_[i]->check_deadline(now);
  if (!connections_.empty()) start_sweep();
}

}  // namespace mr::http
