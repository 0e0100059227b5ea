#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "http/connection_pool.h"
#include "http/parser.h"
#include "net/loop.h"

namespace mr::http {

// One HTTP connection: parses requests, keeps their answers in order, closes when the rules say
// so. Owned by the pool, on its loop. It reads only while fewer than pipeline_max requests are
// open and less than kUnwrittenMax answer bytes wait for the peer. A connection that waits for a
// request holds no buffer.
class ServerConnection final : public net::SocketEvents {
 public:
  ServerConnection(ConnectionPool& pool, net::SocketHandle socket, const net::PeerAddress& peer);
  ~ServerConnection() = default;

  void on_ready(net::Ready ready) override;

 private:
  friend class ConnectionPool;

  // A request's place in the order of answers. Shared with its Responder, which may live longer:
  // `connection` is null once the connection is gone.
  struct Exchange {
    ServerConnection* connection = nullptr;
    Response response;
    bool is_answered = false;
    bool keep_alive = true;
    bool head_only = false;
  };
  enum class State : std::uint8_t {
    kOpen,
    kLastRequest,  // no further request is read; closes after its answers
    kLingering,    // all written, reads and drops until the peer closes
    kClosed,
  };

  void resume();                           // from the pool, see schedule()
  void check_deadline(std::uint32_t now);  // from the sweep
  void close_if_idle();                    // drain
  void close();

  void pump();
  void read_some(std::size_t& budget);
  void parse(std::string_view bytes);
  bool begin_body();  // false: refused at the head
  bool charge_body();
  void drop_parser();
  void on_end();  // the peer sent its last byte
  void fail(const base::Error<Errc>& error);
  void refuse(Response response);  // the request that is being read, and all behind it
  void accept_request(Request request);
  void try_upgrade();
  Responder add_exchange(const Request& request);
  void on_answer(Exchange& exchange, Response response);
  bool is_last_request(std::size_t count) const;
  void collect_answers();
  void flush();
  void linger();
  void set_wait_deadline();
  bool is_paused() const;
  bool is_idle() const;

  static constexpr std::size_t kUnwrittenMax = 256 * 1024;
  static constexpr std::size_t kReadShare = 256 * 1024;  // per iteration

  ConnectionPool& pool_;
  net::SocketHandle socket_;
  net::PeerAddress peer_;
  State state_ = State::kOpen;
  bool readable_ = true;
  bool is_blocked_ = false;  // the socket takes no more now
  bool in_pump_ = false;     // answers wait for its end
  bool has_served_ = false;  // at least one request was complete
  bool is_scheduled_ = false;
  bool has_ended_ = false;   // the peer's last byte was read
  std::uint32_t deadline_;   // in seconds of the pool
  std::uint32_t index_ = 0;  // in the pool
  std::size_t written_ = 0;  // of out_
  std::size_t charged_ = 0;  // of this body, in the pool's sum
  std::unique_ptr<RequestParser> parser_;
  std::unique_ptr<Request> upgrade_;  // waits for the answers before it
  std::vector<std::shared_ptr<Exchange>> exchanges_;
  std::string out_;
  std::string unparsed_;
};

}  // namespace mr::http
