#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/result.h"
#include "http/options.h"
#include "http/request.h"
#include "http/response.h"

namespace mr::http {

enum class Errc : std::uint8_t {
  kBadRequest,           // 400
  kBodyTooLarge,         // 413
  kTargetTooLong,        // 414
  kExpectationFailed,    // 417
  kHeadersTooLarge,      // 431
  kMethodNotSupported,   // 501
  kTransferCoding,       // 501: a transfer coding other than chunked
  kVersionNotSupported,  // 505
};

int status_of(Errc code);

// How far consume() came.
struct ParseProgress {
  std::size_t consumed = 0;  // bytes of the input that belong to this message
  bool complete = false;     // take() gives it; the rest of the input is the next one's
};

// Incremental, strict HTTP/1.0 and 1.1 request parser (RFC 9112). Pure: no clock, no socket.
// Refuses what the RFC lets a server repair: Content-Length next to Transfer-Encoding, bare LF,
// white space before a colon, folded lines, a missing or second Host. Limits of Options are
// judged before anything is buffered; the body's from Content-Length. After an error the
// connection cannot go on: the parser is only destroyed.
class RequestParser {
 public:
  // `options` must outlive the parser.
  explicit RequestParser(const Options& options);
  RequestParser(RequestParser&&) noexcept;
  RequestParser& operator=(RequestParser&&) noexcept;
  ~RequestParser();

  base::Result<ParseProgress, Errc> consume(std::string_view bytes);
  // The complete request; the parser is then ready for the next one. Once per complete.
  Request take();

  // No byte of the next request was seen yet.
  bool is_idle() const;
  // Idle, and no empty line was skipped either: a new parser would do the same.
  bool is_new() const;
  // The header is complete and the body is not.
  bool in_body() const;
  // The message so far, its body as far as it came. The caller may set its peer.
  Request& partial();
  // True once per request that waits for "100 Continue" and whose body has not begun.
  bool take_expect_continue();

 private:
  class Machine;
  std::unique_ptr<Machine> machine_;
};

// The client's side: one response after the other, 1xx skipped. `head_only` is told before the
// first byte of each. Limits: header_bytes_max and body_bytes_max of Options.
class ResponseParser {
 public:
  explicit ResponseParser(const Options& options);
  ~ResponseParser();

  void expect(bool head_only);
  base::Result<ParseProgress, Errc> consume(std::string_view bytes);
  // The peer closed: a body without a length is complete then. True: take() gives it.
  bool finish();
  Response take();
  // Of the last complete response.
  bool keep_alive() const;

 private:
  class Machine;
  std::unique_ptr<Machine> machine_;
};

}  // namespace mr::http
