#pragma once

#include <memory>
#include <string>
#include <vector>

#include "http/connection_pool.h"
#include "net/sim/sim_loop.h"
#include "ws/frame.h"
#include "ws/handshake.h"
#include "ws/receiver.h"

namespace mr::client::test {

using namespace std::chrono_literals;

// The server's end of one WebSocket: keeps the texts, says what the test wants.
class FakePeer final : public net::SocketEvents, public ws::Sink {
 public:
  FakePeer(net::Loop& loop, net::SocketHandle socket, const std::string& handshake)
      : loop_(loop), socket_(socket), receiver_(ws::Role::kServer, {1 << 20}) {
    loop_.watch(socket, *this);
    write(handshake);
    write(ws::text_frame(
        R"({"event":"pusher:connection_established","data":"{\"socket_id\":\"12.34\"}"})"));
  }
  ~FakePeer() override { close(); }

  void say(std::string_view text) { write(ws::text_frame(text)); }
  void write(std::string bytes) {
    out_ += bytes;
    flush();
  }
  void close() {
    if (socket_ != net::SocketHandle::kNone) loop_.close(socket_);
    socket_ = net::SocketHandle::kNone;
  }

  std::vector<std::string> texts;
  int pongs = 0;
  std::optional<std::uint16_t> close_code;

 private:
  void on_ready(net::Ready ready) override {
    if (ready.writable) flush();
    while (ready.readable && socket_ != net::SocketHandle::kNone) {
      const auto buffer = loop_.read_buffer();
      const net::IoResult got = loop_.read(socket_, buffer);
      if (got.status == net::IoStatus::kBlocked) return;
      if (got.status == net::IoStatus::kClosed) return close();
      receiver_.consume(buffer.first(got.bytes), *this);
    }
  }
  void flush() {
    while (!out_.empty() && socket_ != net::SocketHandle::kNone) {
      const iovec part{out_.data(), out_.size()};
      const net::IoResult put = loop_.write(socket_, std::span(&part, 1));
      if (put.status != net::IoStatus::kOk) return;
      out_.erase(0, put.bytes);
    }
  }
  bool on_text(std::string_view message) override {
    texts.emplace_back(message);
    return true;
  }
  bool on_binary(std::string_view) override { return true; }
  bool on_ping(std::string_view) override { return true; }
  bool on_pong(std::string_view) override {
    ++pongs;
    return true;
  }
  void on_close(std::optional<std::uint16_t> code, std::string_view) override {
    close_code = code.value_or(0);
  }

  net::Loop& loop_;
  net::SocketHandle socket_;
  ws::Receiver receiver_;
  std::string out_;
};

// A node as far as clients need one: upgrades become FakePeers, requests are kept and answered 200.
class FakeNode final : public net::AcceptEvents, public http::Service {
 public:
  explicit FakeNode(std::uint64_t seed = 11)
      : sim(seed),
        network(sim),
        loop(sim, network, "127.0.0.1"),
        clients(sim, network, "127.0.0.1") {
    pool = std::make_unique<http::ConnectionPool>(loop, *this, http::Options());
    net::ListenOptions listen;
    listen.address = {"127.0.0.1", 0};
    port = loop.listener_port(loop.listen(listen, *this).value());
  }
  ~FakeNode() {
    peers.clear();
    pool.reset();
  }

  void on_accept(net::SocketHandle socket, const net::PeerAddress& peer) override {
    pool->adopt(socket, peer);
  }
  void on_request(http::Request request, http::Responder responder) override {
    requests.push_back(std::move(request));
    responder.answer(http::json_response(answer_status, "{}"));
  }
  bool on_upgrade(http::Request request, net::SocketHandle socket, net::PeerAddress, std::string,
                  http::Responder responder) override {
    const auto handshake = ws::accept_handshake(request);
    if (!handshake || refuse_upgrades) {
      responder.answer(http::text_response(403, "no"));
      return false;
    }
    peers.push_back(std::make_unique<FakePeer>(loop, socket, handshake.value()));
    return true;
  }
  void run(base::Duration duration = 300ms) { sim.run_for(duration); }

  net::sim::Sim sim;
  net::sim::SimNetwork network;
  net::sim::SimLoop loop;
  net::sim::SimLoop clients;
  std::unique_ptr<http::ConnectionPool> pool;
  std::uint16_t port = 0;
  int answer_status = 200;
  bool refuse_upgrades = false;
  std::vector<http::Request> requests;
  std::vector<std::unique_ptr<FakePeer>> peers;
};

}  // namespace mr::client::test
