#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "http/client.h"
#include "http/connection_pool.h"
#include "net/sim/sim_loop.h"
#include "support/raw_peer.h"

namespace mr::http::test {

using namespace std::chrono_literals;

using mr::test::RawPeer;

// Answers "<method> <path> <body>"; paths that begin with /later are kept for the test.
class EchoService final : public Service {
 public:
  void on_request(Request request, Responder responder) override {
    requests.push_back(request.path);
    if (request.path.rfind("/drop", 0) == 0) return;
    if (request.path.rfind("/later", 0) == 0) {
      later.emplace_back(request.path, std::move(responder));
      return;
    }
    std::string body = request.method_text + " " + request.path + " " + request.body + "\n";
    if (request.path == "/big") body.assign(200'000, 'x');
    responder.answer(text_response(200, std::move(body)));
  }

  std::optional<Response> refuse_head(const Request& head) override {
    if (head.path != "/refused") return std::nullopt;
    return text_response(404, "nothing is at " + head.path + "\n");
  }

  bool on_upgrade(Request request, net::SocketHandle socket, net::PeerAddress,
                  std::string early_bytes, Responder responder) override {
    if (!accept_upgrades) {
      responder.answer(text_response(403, "not here " + request.path + "\n"));
      return false;
    }
    early = std::move(early_bytes);
    const std::string bytes = "HTTP/1.1 101 Switching Protocols\r\n\r\n";
    const iovec part{const_cast<char*>(bytes.data()), bytes.size()};
    loop->write(socket, std::span(&part, 1));
    loop->close(socket);
    return true;
  }

  net::Loop* loop = nullptr;
  bool accept_upgrades = true;
  std::string early;
  std::vector<std::string> requests;
  std::vector<std::pair<std::string, Responder>> later;
};

// A pool behind a listener, and a loop for its peers.
class Server final : public net::AcceptEvents {
 public:
  explicit Server(Options options = {}, std::uint64_t seed = 7)
      : sim(seed), network(sim), loop(sim, network, "127.0.0.1"), peers(sim, network, "127.0.0.1") {
    service.loop = &loop;
    pool = std::make_unique<ConnectionPool>(loop, service, options);
    net::ListenOptions listen;
    listen.address = {"127.0.0.1", 0};
    const auto listener = loop.listen(listen, *this);
    port = loop.listener_port(listener.value());
  }
  ~Server() {
    clients.clear();
    pool.reset();
  }

  void on_accept(net::SocketHandle socket, const net::PeerAddress& peer) override {
    pool->adopt(socket, peer);
  }
  RawPeer& connect(std::string bytes = {}) {
    clients.push_back(std::make_unique<RawPeer>(peers, net::Address{"127.0.0.1", port}));
    clients.back()->send(std::move(bytes));
    return *clients.back();
  }
  void run(base::Duration duration = 500ms) { sim.run_for(duration); }

  net::sim::Sim sim;
  net::sim::SimNetwork network;
  net::sim::SimLoop loop;
  net::sim::SimLoop peers;
  EchoService service;
  std::unique_ptr<ConnectionPool> pool;
  std::uint16_t port = 0;
  std::vector<std::unique_ptr<RawPeer>> clients;
};

inline std::size_t count(const std::string& text, const std::string& part) {
  std::size_t n = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

}  // namespace mr::http::test
