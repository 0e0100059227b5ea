#pragma once

#include <optional>
#include <string>
#include <utility>

#include "base/function.h"
#include "http/request.h"
#include "http/response.h"
#include "net/types.h"

namespace mr::http {

// The right to answer one request, once, from the loop that gave it. Move-only. Answers of one
// connection go out in the order of its requests, whatever the order of the calls. Destroyed
// unanswered it answers 500. It may outlive its connection: the answer then goes nowhere.
class Responder {
 public:
  using Sink = base::Function<void(Response)>;

  Responder() = default;
  // `sink` gets the answer; tests give their own.
  explicit Responder(Sink sink) : sink_(std::move(sink)) {}
  Responder(Responder&&) noexcept = default;
  Responder& operator=(Responder&& other) noexcept {
    if (this != &other) {
      drop();
      sink_ = std::move(other.sink_);
    }
    return *this;
  }
  ~Responder() { drop(); }

  // True until answered.
  explicit operator bool() const { return static_cast<bool>(sink_); }
  void answer(Response response) {
    MR_ASSERT(static_cast<bool>(sink_), "a request is answered once");
    Sink sink = std::move(sink_);
    sink(std::move(response));
  }

 private:
  void drop() {
    if (sink_) answer(text_response(500, "the request was dropped without an answer; try again\n"));
  }

  Sink sink_;
};

// What a ConnectionPool serves. One per loop; must outlive the pool. Both may answer at once or
// later, and may not destroy the pool.
class Service {
 public:
  virtual void on_request(Request request, Responder responder) = 0;

  // The head of a request whose body is large and still coming. An answer refuses it: the body is
  // not kept and the connection ends. None: on_request() gets it when it is complete.
  virtual std::optional<Response> refuse_head(const Request& /*head*/) { return std::nullopt; }

  // A WebSocket upgrade request (Request::is_websocket_upgrade()) whose predecessors on the
  // connection are all answered. True: the service owns the socket from now on, must have called
  // Loop::watch() or Loop::close() on it, writes the 101 itself, treats `early_bytes` as already
  // read, and forgets `responder`. False: the socket stays here and `responder` must be answered
  // (now or later) with a status that is not 101.
  virtual bool on_upgrade(Request request, net::SocketHandle socket, net::PeerAddress peer,
                          std::string early_bytes, Responder responder) = 0;

 protected:
  ~Service() = default;
};

}  // namespace mr::http
