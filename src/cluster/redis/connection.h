#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/function.h"
#include "cluster/redis/options.h"
#include "cluster/redis/primary_search.h"
#include "cluster/redis/reply.h"
#include "net/loop.h"
#include "net/resolve.h"
#include "tls/client_stream.h"

namespace mr::cluster::redis {

// What a Connection reports, on its loop, never inside a call to it.
class ConnectionEvents {
 public:
  // Signed in, on its database, and a PING was answered.
  virtual void on_ready() = 0;
  // What the server says unasked: message, smessage, an unsubscription that nobody asked for.
  virtual void on_push(const Reply& push) = 0;
  // Once per open(): nothing came up, or what stood is gone. All that waited was answered before.
  // `why` names the address, the reason and the remedy, and holds no secret.
  virtual void on_closed(std::string_view why) = 0;

 protected:
  ~ConnectionEvents() = default;
};

// As it goes over the wire.
std::string encode_command(std::span<const std::string_view> args);

// One RESP2 connection, to the server of the options or to the primary that their sentinels name;
// it is closed when they name another one. Commands are pipelined and answered in order. It asks
// with PING when nothing was heard for half of RedisOptions::silence and closes itself after the
// whole of it, the time in which its own loop stood still not counted. With TLS nothing is said
// before the server's certificate is accepted. Loop only; options, resolver and events outlive it.
// close() is allowed inside callbacks, the end of its life is not.
class Connection final : private net::SocketEvents {
 public:
  using OnReply = base::Function<void(const Reply&)>;

  Connection(net::Loop& loop, net::Resolver& resolver, const RedisOptions& options,
             ConnectionEvents& events);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();  // what waits is dropped

  // It is closed before. Addresses of a name are tried in their order.
  void open();
  // What waits is answered kLost; there is no on_closed.
  void close();
  bool is_ready() const { return state_ == State::kReady; }

  // `on_reply` runs once: with the answer, or with kLost. False, and nothing was taken: not ready,
  // or the queue is full. Written at the end of the loop's iteration, or at flush().
  bool command(std::span<const std::string_view> args, OnReply on_reply);
  // The same of a command in the form of encode_command(); the caller bounds what waits. It is
  // ready.
  void encoded(std::string_view command, OnReply on_reply);
  // SUBSCRIBE, UNSUBSCRIBE, SSUBSCRIBE or SUNSUBSCRIBE of one channel: `on_reply` gets the server's
  // confirmation of just this request. From the first on, the connection takes nothing else. One
  // that finds no room closes the connection. Nothing happens when it is not ready.
  void subscription(std::string_view verb, std::string_view channel, OnReply on_reply);
  void flush();

  // Bytes that the kernel has not taken.
  std::size_t queued_bytes() const { return out_.size() - written_; }
  // "127.0.0.1:6379", or "redis.example (10.0.0.3:6379)"; for texts.
  std::string where() const;

 private:
  enum class State : std::uint8_t {
    kClosed,
    kResolving,
    kConnecting,
    kSecuring,
    kGreeting,
    kReady
  };
  struct Waiting {
    OnReply call;
    std::string confirms{};  // "subscribe CHANNEL": answered by this confirmation, or an error
  };

  void on_ready(net::Ready ready) override;
  void look_up(const net::Address& server);
  void resolved(net::Addresses found);
  void connect_next();
  void connection_stands();
  void secure();
  void greet();
  bool greeted(const Reply& reply, std::string_view command);
  void told_role(const Reply& reply);
  void check_primary();
  void send(std::span<const std::string_view> args, Waiting waiting);
  void expect(Waiting waiting);
  bool is_full(std::size_t more) const;
  void write_later();
  void read();
  net::IoResult get(std::span<std::byte> into);
  net::IoResult put(std::string_view bytes);
  std::string why_ended() const;
  std::string why_late() const;
  bool take_replies();
  void take(const Reply& reply);
  bool take_push(const Reply& reply);
  bool is_late_refusal(const Reply& reply) const;
  void answer(const Reply& reply);
  void arm_tick();
  void tick();
  void check_silence(base::TimePoint now);
  void attempt_failed(const std::string& why);
  void lose(const std::string& why);
  void lose_later(std::string why);
  std::deque<Waiting> drop();
  void drop_socket();

  net::Loop& loop_;
  net::Resolver& resolver_;
  const RedisOptions& options_;
  ConnectionEvents& events_;
  State state_ = State::kClosed;
  std::uint64_t opening_ = 0;  // changes with each open and close: later calls of older ones end
  std::unique_ptr<PrimarySearch> search_;  // with sentinels
  net::Address server_{};                  // as it was named to us
  std::vector<net::Address> addresses_;
  std::size_t next_address_ = 0;

  net::SocketHandle socket_ = net::SocketHandle::kNone;
  std::unique_ptr<tls::ClientStream> secured_;  // with TLS, once the socket stands
  bool is_blocked_ = true;
  bool is_ended_ = false;
  bool is_write_scheduled_ = false;
  bool is_subscribed_ = false;
  bool is_pinged_ = false;
  std::string out_;
  std::size_t written_ = 0;
  std::unique_ptr<ReplyReader> reader_;
  std::deque<Waiting> waiting_;

  base::TimePoint deadline_{};  // of an address to be ready
  base::TimePoint last_heard_{};
  base::TimePoint tick_due_{};
  base::TimePoint checked_{};  // whether it is still the primary
  net::TimerId tick_ = net::TimerId::kNone;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace mr::cluster::redis
