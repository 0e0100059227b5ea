#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/function.h"
#include "base/result.h"
#include "http/options.h"
#include "http/parser.h"
#include "http/request.h"
#include "http/response.h"
#include "net/loop.h"

namespace mr::http {

enum class ClientErrc : std::uint8_t {
  kConnect,    // nobody listens there, or the address is none
  kClosed,     // the server closed before the answer was complete
  kMalformed,  // the answer is not HTTP
  kTimeout,    // no answer in ClientOptions::response_timeout
};

struct ClientOptions {
  net::Address address;
  std::string host;  // the Host header; empty: address and port
  base::Duration response_timeout = std::chrono::seconds(30);
  Options limits{};  // of answers: header_bytes_max, body_bytes_max
};

struct ClientRequest {
  Method method = Method::kGet;
  std::string target = "/";       // encoded path and query
  std::vector<Header> headers{};  // without Host and Content-Length
  std::string body{};
};

// A small HTTP/1.1 client: one kept connection, requests pipelined in the order of send(), opened
// by the first and opened again by the next after a loss. Lives on `loop`. What is not answered
// when the connection goes is reported, never repeated. Not destroyed inside its own callbacks.
// It does not bound what waits: its caller looks at in_flight().
class Client final : private net::SocketEvents {
 public:
  using Done = base::Function<void(base::Result<Response, ClientErrc>)>;

  Client(net::Loop& loop, ClientOptions options);
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client();  // callbacks that were not called are dropped

  // `done` runs once, from the loop, never inside send().
  void send(const ClientRequest& request, Done done);
  std::size_t in_flight() const { return waiting_.size(); }
  // Reports kClosed to all that wait.
  void close();

 private:
  struct Waiting {
    Done done;
    bool head_only = false;
    base::TimePoint deadline{};
  };

  void on_ready(net::Ready ready) override;
  void schedule_flush();
  bool open();
  void flush();
  void read();
  void parse(std::string_view bytes);
  void answer_front(Response response);
  void fail_all(ClientErrc why, const std::string& detail);
  void lose();  // the connection failed or the server closed it
  void drop_socket();
  void arm_timer();
  void on_timer();
  std::string where() const;

  net::Loop& loop_;
  const ClientOptions options_;
  net::SocketHandle socket_ = net::SocketHandle::kNone;
  bool is_connected_ = false;
  bool is_blocked_ = false;
  bool is_flush_scheduled_ = false;
  std::string out_;
  std::size_t written_ = 0;
  std::unique_ptr<ResponseParser> parser_;
  std::deque<Waiting> waiting_;
  net::TimerId timer_ = net::TimerId::kNone;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace mr::http
