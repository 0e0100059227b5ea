#include "net/sim/sim_network.h"

#include <algorithm>
#include <utility>

#include "net/sim/sim_loop.h"

namespace mr::net::sim {
namespace {

constexpr auto kRetransmit = std::chrono::milliseconds(50);

bool is_loopback(const std::string& host) { return host == "127.0.0.1" || host == "::1"; }
bool is_own(const std::string& host, const std::string& own) {
  return host == own || is_loopback(host) || host == "0.0.0.0" || host == "::";
}

}  // namespace

SimNetwork::SimNetwork(Sim& sim, SimNetworkOptions options)
    : sim_(sim), options_(options), random_(sim.random().next()) {}

void SimNetwork::set_stalled(SimLoop& loop, SocketHandle socket, bool stalled) {
  SimSocket& end = loop.socket(socket);
  end.stalled = stalled;
  if (!stalled && !end.incoming.empty()) {
    schedule_pump(end.shared_from_this(), sim_.clock().now());
  }
}

void SimNetwork::reset(SimLoop& loop, SocketHandle socket) {
  SimSocket& end = loop.socket(socket);
  send(end, {.kind = SimSegment::Kind::kReset});
  break_end(end);
}

void SimNetwork::cut(SimLoop& loop, SocketHandle socket) {
  SimSocket& end = loop.socket(socket);
  end.cut = true;
  if (const auto peer = end.peer.lock()) peer->cut = true;
}

void SimNetwork::fail_call(SimCall call, std::uint64_t nth) {
  fail_in_[static_cast<std::size_t>(call)] = nth;
}

bool SimNetwork::fails(SimCall call) {
  std::uint64_t& left = fail_in_[static_cast<std::size_t>(call)];
  return left > 0 && --left == 0;
}

void SimNetwork::partition(const std::string& a, const std::string& b) {
  partitions_.insert(std::minmax(a, b));
}

void SimNetwork::heal(const std::string& a, const std::string& b) {
  partitions_.erase(std::minmax(a, b));
}

bool SimNetwork::is_partitioned(const std::string& a, const std::string& b) const {
  return partitions_.contains(std::minmax(a, b));
}

base::Result<std::uint16_t, NetErrc> SimNetwork::listen(SimListener& listener,
                                                        const Address& address, bool reuse_port) {
  const std::string& own = listener.loop->host();
  if (!is_own(address.host, own)) {
    return base::Error<NetErrc>{NetErrc::kBadAddress, "host " + own + " has no address \"" +
                                                          address.host + "\"; use its own"};
  }
  const std::uint16_t port = address.port != 0 ? address.port : next_port_++;
  auto& sharing = listeners_[{own, port}];
  const bool shared = reuse_port && std::all_of(sharing.begin(), sharing.end(),
                                                [](auto* other) { return other->reuse_port; });
  if (!sharing.empty() && !shared) {
    return base::Error<NetErrc>{
        NetErrc::kAddressInUse,
        "address " + own + " port " + std::to_string(port) + " is in use; choose another port"};
  }
  listener.host = own;
  listener.port = port;
  listener.reuse_port = reuse_port;
  sharing.push_back(&listener);
  return port;
}

void SimNetwork::close_listener(const SimListener& listener) {
  const auto place = listeners_.find({listener.host, listener.port});
  if (place == listeners_.end()) return;
  std::erase(place->second, &listener);
  if (place->second.empty()) listeners_.erase(place);
}

std::shared_ptr<SimSocket> SimNetwork::connect(SimLoop& from, const Address& to) {
  auto client = std::make_shared<SimSocket>();
  client->loop = &from;
  client->host = from.host();
  client->port = next_port_++;
  client->over_loopback = is_loopback(to.host);
  const bool own = is_own(to.host, from.host());
  const Place place{own ? from.host() : to.host, to.port};
  const base::TimePoint deadline = sim_.clock().now() + options_.user_timeout;
  sim_.at(sim_.clock().now() + delay(),
          [this, client, place, deadline] { establish(client, place, deadline); });
  return client;
}

void SimNetwork::establish(const std::shared_ptr<SimSocket>& client, const Place& place,
                           base::TimePoint deadline) {
  if (client->loop == nullptr || client->broken) return;
  if (client->cut || is_partitioned(client->host, place.first)) {
    if (sim_.clock().now() >= deadline) return break_end(*client);
    sim_.at(sim_.clock().now() + kRetransmit,
            [this, client, place, deadline] { establish(client, place, deadline); });
    return;
  }
  const auto found = listeners_.find(place);
  if (found == listeners_.end() || fails(SimCall::kAccept)) return break_end(*client);
  SimListener& listener = *found->second[random_.below(found->second.size())];
  auto server = std::make_shared<SimSocket>();
  server->loop = listener.loop;
  server->host = place.first;
  server->port = place.second;
  server->over_loopback = client->over_loopback;
  server->established = true;
  server->peer = client;
  server->keeps_peer = client;
  client->peer = server;
  client->keeps_peer = server;
  client->last_arrival = sim_.clock().now() + delay();
  sim_.at(client->last_arrival, [client] {
    if (client->loop == nullptr || client->broken) return;
    client->established = true;
    client->loop->notify(*client);
  });
  listener.loop->offer(listener, std::move(server));
}

void SimNetwork::send(SimSocket& from, SimSegment segment) {
  const auto to = from.peer.lock();
  if (to == nullptr) return;
  to->last_arrival = std::max(to->last_arrival, sim_.clock().now() + delay());
  segment.arrives = to->last_arrival;
  to->incoming_bytes += segment.bytes.size();
  to->incoming.push_back(std::move(segment));
  schedule_pump(to, to->incoming.front().arrives);
}

void SimNetwork::release(SimSocket& closed) {
  if (!std::exchange(closed.stalled, false) || closed.incoming.empty()) return;
  schedule_pump(closed.shared_from_this(), sim_.clock().now());
}

void SimNetwork::schedule_pump(const std::shared_ptr<SimSocket>& to, base::TimePoint when) {
  if (to->pumping) return;
  to->pumping = true;
  sim_.at(when, [this, to] {
    to->pumping = false;
    pump(to);
  });
}

void SimNetwork::pump(const std::shared_ptr<SimSocket>& to) {
  const base::TimePoint now = sim_.clock().now();
  while (!to->incoming.empty()) {
    // A stalled reader acknowledges nothing new; its own socket being closed ends that.
    if (to->stalled && to->loop != nullptr) return;
    if (is_cut_off(*to)) {
      if (to->held_since == base::TimePoint{}) to->held_since = now;
      if (now - to->held_since < options_.user_timeout) {
        return schedule_pump(to, now + kRetransmit);
      }
      to->incoming.clear();
      to->incoming_bytes = 0;
      if (const auto sender = to->peer.lock()) break_end(*sender);
      return;
    }
    to->held_since = {};
    if (to->incoming.front().arrives > now) {
      return schedule_pump(to, to->incoming.front().arrives);
    }
    SimSegment segment = std::move(to->incoming.front());
    to->incoming.pop_front();
    to->incoming_bytes -= segment.bytes.size();
    deliver(*to, std::move(segment));
  }
}

void SimNetwork::deliver(SimSocket& to, SimSegment segment) {
  if (to.broken) return;
  if (to.loop == nullptr) {
    // Bytes for a closed socket are answered by a reset; an end needs no answer.
    if (segment.kind == SimSegment::Kind::kBytes) send(to, {.kind = SimSegment::Kind::kReset});
    return;
  }
  switch (segment.kind) {
    case SimSegment::Kind::kBytes:
      to.buffer += segment.bytes;
      break;
    case SimSegment::Kind::kEnd:
      to.end_received = true;
      break;
    case SimSegment::Kind::kReset:
      to.broken = true;
      break;
  }
  to.loop->notify(to);
}

void SimNetwork::break_end(SimSocket& socket) {
  socket.broken = true;
  if (socket.loop != nullptr) socket.loop->notify(socket);
}

bool SimNetwork::is_cut_off(const SimSocket& to) const {
  if (to.cut) return true;
  const auto from = to.peer.lock();
  return from != nullptr && is_partitioned(from->host, to.host);
}

std::size_t SimNetwork::piece(std::size_t most) {
  if (!options_.split || most < 2 || random_.below(2) == 0) return most;
  return 1 + random_.below(most);
}

base::Duration SimNetwork::delay() {
  const auto most = static_cast<std::uint64_t>(options_.delay_max.count());
  return base::Duration(static_cast<std::int64_t>(random_.below(most + 1)));
}

}  // namespace mr::net::sim
