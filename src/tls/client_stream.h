#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "net/loop.h"
#include "tls/client_context.h"
#include "tls/refusal.h"

struct bio_method_st;
struct ssl_st;
struct x509_store_ctx_st;

namespace mr::tls {

// TLS over one connected socket of a loop, as its client: reads and writes as the loop does, and
// never blocks. After each on_ready of the socket the owner calls handshake() until it is done, and
// then read() until kBlocked. Loop only; context and loop outlive it, the socket is closed after
// its end.
class ClientStream {
 public:
  enum class Step : std::uint8_t { kDone, kBlocked, kFailed };

  // `host` is what the server was named by, a name or a numeric address.
  ClientStream(const ClientContext& context, net::Loop& loop, net::SocketHandle socket,
               const std::string& host);
  ClientStream(const ClientStream&) = delete;
  ClientStream& operator=(const ClientStream&) = delete;
  ~ClientStream();

  Step handshake();
  // Never `is_drained`.
  net::IoResult read(std::span<std::byte> into);
  // After kBlocked the next call begins with the same bytes; they may have moved, and more may have
  // come behind them.
  net::IoResult write(std::span<const std::byte> bytes);

  // Why it failed, and the remedy, as "its certificate ..." for a sentence about the server; holds
  // no secret. Empty: the peer just ended.
  const std::string& failure() const { return failure_; }

  // For ClientContext: what streams read and write through. The caller frees it.
  static bio_method_st* make_transport();

 private:
  struct Transport;
  struct Free {
    void operator()(ssl_st* stream) const;
  };
  static int on_verified(int is_good, x509_store_ctx_st* chain);
  net::IoStatus status_of(int result);

  const ClientContext& context_;
  net::Loop& loop_;
  const net::SocketHandle socket_;
  const std::string name_;  // what the certificate must be for
  CertificateFault fault_;
  std::string failure_;
  std::unique_ptr<ssl_st, Free> stream_;
};

}  // namespace mr::tls
