#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "tls/options.h"

struct ssl_ctx_st;
struct bio_method_st;

namespace mr::tls {

enum class ContextErrc : std::uint8_t { kAuthorities, kCertificate, kKey, kSystem };

// What all connections to one kind of server have in common: authorities, our certificate, TLS 1.2
// and newer. Read from the files once; never changed, for any thread.
class ClientContext {
 public:
  // `keys` is the section of the configuration that says `options`: "database.redis.tls". The
  // detail of an error names key, file, reason and remedy. Blocks for the files.
  static base::Result<std::shared_ptr<const ClientContext>, ContextErrc> make(
      const ClientOptions& options, std::string_view keys);
  ClientContext(const ClientContext&) = delete;
  ClientContext& operator=(const ClientContext&) = delete;
  ~ClientContext() = default;

  const ClientOptions& options() const { return options_; }
  const std::string& keys() const { return keys_; }
  ssl_ctx_st* raw() const { return context_.get(); }
  bio_method_st* transport() const { return transport_.get(); }

 private:
  struct Free {
    void operator()(ssl_ctx_st* context) const;
    void operator()(bio_method_st* method) const;
  };
  ClientContext(ClientOptions options, std::string_view keys);

  const ClientOptions options_;
  const std::string keys_;
  const std::unique_ptr<ssl_ctx_st, Free> context_;
  const std::unique_ptr<bio_method_st, Free> transport_;  // of streams: their loop's socket
};

}  // namespace mr::tls
