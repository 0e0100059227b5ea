#include "http/parser.h"

// The library's assertions would let a peer end the process: "0\r\n" and then one byte reaches
// one of them in its chunk parser. What it asserts is checked here before it is called.
#define BOOST_DISABLE_ASSERTS
#include <algorithm>
#include <array>
#include <boost/beast/http/basic_parser.hpp>
#include <optional>
#include <string>
#include <utility>

#include "base/assert.h"
#include "http/header_scan.h"
#include "http/text.h"

namespace mr::http {
namespace {

namespace beast_http = boost::beast::http;
using boost::beast::error_code;
using boost::beast::string_view;
using Failure = base::Error<Errc>;
using Verdict = base::Result<base::Done, Errc>;

constexpr std::size_t kHeadersMax = 100;
constexpr std::size_t kBodyReserveMax = 16 * 1024;
// No chunk header with what must follow it is shorter ("0\r\n\r\n"); the library needs that many
// to look at a last chunk again.
constexpr std::size_t kChunkTailMin = 5;

std::string_view to_std(string_view text) { return {text.data(), text.size()}; }

std::string quoted(std::string_view text) {
  constexpr std::size_t kShownMax = 60;
  std::string out = "'";
  for (const char c : text.substr(0, kShownMax)) out.push_back(c >= ' ' && c < 0x7f ? c : '?');
  if (text.size() > kShownMax) out += "...";
  out.push_back('\'');
  return out;
}

Failure headers_too_large(const Options& options) {
  return {Errc::kHeadersTooLarge, "the request line and headers are larger than " +
                                      std::to_string(options.header_bytes_max) +
                                      " bytes or more than " + std::to_string(kHeadersMax) +
                                      " fields; send smaller or fewer headers"};
}

Failure body_too_large(const Options& options) {
  return {Errc::kBodyTooLarge, "the body is larger than " + std::to_string(options.body_bytes_max) +
                                   " bytes; send it in smaller requests"};
}

Failure bad(std::string text) { return {Errc::kBadRequest, std::move(text)}; }

Failure to_failure(const error_code& ec, const Options& options) {
  if (ec == beast_http::error::header_limit) return headers_too_large(options);
  if (ec == beast_http::error::body_limit) return body_too_large(options);
  return bad("malformed message: " + ec.message() + "; send HTTP/1.1 as RFC 9112 defines it");
}

std::optional<Method> find_method(std::string_view text) {
  static constexpr std::array kAll{Method::kGet,   Method::kHead,   Method::kPost,   Method::kPut,
                                   Method::kPatch, Method::kDelete, Method::kOptions};
  const auto* found =
      std::find_if(kAll.begin(), kAll.end(), [text](Method m) { return to_text(m) == text; });
  if (found == kAll.end()) return std::nullopt;
  return *found;
}

bool is_host_value(std::string_view host) {
  return std::all_of(host.begin(), host.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c != '\0' && std::string_view("-._~:[]%!$&'()*+,;=").find(c) != std::string_view::npos);
  });
}

// "HTTP/" DIGIT "." DIGIT at the end of the first line: a version that exists elsewhere.
bool names_version(std::string_view block) {
  const std::string_view line = block.substr(0, block.find("\r\n"));
  if (line.size() < 9) return false;
  const std::string_view tail = line.substr(line.size() - 9);
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  return tail.substr(0, 6) == " HTTP/" && digit(tail[6]) && tail[7] == '.' && digit(tail[8]);
}

// Splits the target; false when it is none that a server of ours has.
bool set_target(Request& request, std::string_view target) {
  request.target = std::string(target);
  if (target.find('#') != std::string_view::npos) return false;
  if (target == "*") {
    request.path = "*";
    return request.method == Method::kOptions;
  }
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!equal_ignoring_case(target.substr(0, scheme.size()), scheme)) continue;
    target.remove_prefix(scheme.size());
    const std::size_t path = target.find_first_of("/?");
    if (path == 0) return false;
    target = path == std::string_view::npos ? std::string_view() : target.substr(path);
    if (target.empty() || target.front() == '?') {
      request.path = "/";
      request.query = std::string(target.empty() ? target : target.substr(1));
      return true;
    }
    break;
  }
  if (target.empty() || target.front() != '/') return false;
  const std::size_t mark = target.find('?');
  request.path = std::string(target.substr(0, mark));
  if (mark != std::string_view::npos) request.query = std::string(target.substr(mark + 1));
  return true;
}

// Where the library reports to: collects one message into `Message` (Request or Response).
template <bool kIsRequest, class Message>
class Collector final : public beast_http::basic_parser<kIsRequest> {
 public:
  Collector(const Options& options, Message& message) : options_(options), message_(message) {
    constexpr std::size_t kRoom = 64;
    this->header_limit(static_cast<std::uint32_t>(options.header_bytes_max + kRoom));
    this->body_limit(options.body_bytes_max);
    this->eager(false);  // one chunk header or piece of body a call
  }

  const std::optional<Failure>& failure() const { return failure_; }
  bool is_at_chunk_header() { return this->chunked() && chunk_left_ == 0; }
  // The last put() read a chunk header (the last one with the trailers).
  bool take_chunk_header() { return std::exchange(read_chunk_header_, false); }

 private:
  void refuse(error_code& ec, Failure failure) {
    failure_ = std::move(failure);
    ec = beast_http::error::bad_value;
  }

  void on_request_impl(beast_http::verb, string_view method, string_view target, int version,
                       error_code& ec) override {
    if constexpr (kIsRequest) {
      message_.method_text = std::string(to_std(method));
      message_.minor = version >= 11 ? 1 : 0;
      const auto known = find_method(to_std(method));
      if (!known) {
        return refuse(ec, {Errc::kMethodNotSupported,
                           "method " + quoted(to_std(method)) +
                               " is not supported; use GET, HEAD, POST, PUT, PATCH, DELETE or "
                               "OPTIONS"});
      }
      message_.method = *known;
      if (!set_target(message_, to_std(target))) {
        refuse(ec, bad("request target " + quoted(to_std(target)) +
                       " is not a path; it must begin with '/' and have no fragment"));
      }
    }
  }

  void on_response_impl(int status, string_view, int, error_code&) override {
    if constexpr (!kIsRequest) message_.status = status;
  }

  void on_field_impl(beast_http::field, string_view name, string_view value,
                     error_code& ec) override {
    if (header_done_) return;  // trailers carry nothing that we use
    if (message_.headers.size() == kHeadersMax) return refuse(ec, headers_too_large(options_));
    message_.headers.push_back({to_lower(to_std(name)), std::string(to_std(value))});
  }

  void on_header_impl(error_code&) override { header_done_ = true; }

  void on_body_init_impl(const boost::optional<std::uint64_t>& length, error_code&) override {
    if (length) message_.body.reserve(std::min<std::uint64_t>(*length, kBodyReserveMax));
  }
  std::size_t on_body_impl(string_view body, error_code&) override {
    message_.body.append(body.data(), body.size());
    return body.size();
  }
  void on_chunk_header_impl(std::uint64_t size, string_view, error_code&) override {
    read_chunk_header_ = true;
    chunk_left_ = size;
  }
  std::size_t on_chunk_body_impl(std::uint64_t, string_view body, error_code&) override {
    message_.body.append(body.data(), body.size());
    chunk_left_ -= body.size();
    return body.size();
  }
  void on_finish_impl(error_code&) override {}

  const Options& options_;
  Message& message_;
  std::optional<Failure> failure_;
  bool header_done_ = false;
  bool read_chunk_header_ = false;
  std::uint64_t chunk_left_ = 0;
};

// What requests and responses share: finding the header block, holding back what is not yet a
// whole line, feeding the library.
template <bool kIsRequest, class Message>
class Feed {
 public:
  explicit Feed(const Options& options) : options_(options) {}

  bool is_idle() const { return !collector_ && pending_.empty(); }
  bool is_new() const { return is_idle() && blank_lines_ == 0; }
  bool has_header() const { return collector_.has_value(); }
  bool is_done() const { return collector_ && collector_->is_done(); }
  Collector<kIsRequest, Message>& collector() { return *collector_; }
  std::string_view block() const { return block_; }

  void reset() {
    collector_.reset();
    scan_.reset();
    pending_ = std::string();
    blank_lines_ = 0;
  }

  // Takes bytes of the header block. `complete` in the answer: the block is there and parsed.
  base::Result<ParseProgress, Errc> take_header(std::string_view bytes, Message& message,
                                                bool skip_body) {
    const std::size_t before = pending_.size();
    const std::size_t room = options_.header_bytes_max + 1 - before;
    bytes = bytes.substr(0, room);
    if (before > 0) pending_.append(bytes);
    const std::string_view all = before > 0 ? std::string_view(pending_) : bytes;
    if (kIsRequest && before == 0 && !all.empty() && all[0] != '\r' && !is_token_char(all[0])) {
      return bad("the first byte is not that of an HTTP method; is this port meant for HTTP?");
    }
    const auto status = scan_.scan(all);
    if (status == HeaderScan::Status::kBareLf) {
      return bad("a header line ends in LF without CR; end lines with CR LF");
    }
    if (status == HeaderScan::Status::kFolded) {
      return bad("a header is folded over two lines; send it in one line");
    }
    if (status == HeaderScan::Status::kMore) {
      if (all.size() > options_.header_bytes_max) return too_large();
      if (before == 0) pending_ = std::string(bytes);
      return ParseProgress{bytes.size(), false};
    }
    const std::size_t end = scan_.end();
    if (end > options_.header_bytes_max) return too_large();
    if (end == 2) return skip_blank_line(end - before);
    block_ = all.substr(0, end);
    collector_.emplace(options_, message);
    if (skip_body) collector_->skip(true);
    const Verdict verdict = put_block();
    block_ = {};
    if (!verdict) return verdict.error();
    pending_ = std::string();
    return ParseProgress{end - before, true};
  }

  // Takes bytes of the body; `complete` when the message is.
  base::Result<ParseProgress, Errc> take_body(std::string_view bytes) {
    const std::size_t before = pending_.size();
    if (before > 0) pending_.append(bytes);
    std::string_view rest = before > 0 ? std::string_view(pending_) : bytes;
    while (!rest.empty() && !collector_->is_done()) {
      if (collector_->is_at_chunk_header() && rest.size() < kChunkTailMin) break;
      error_code ec;
      const std::size_t used = collector_->put({rest.data(), rest.size()}, ec);
      rest.remove_prefix(used);
      if (ec == beast_http::error::need_more) break;
      if (ec) return to_failure(ec, options_);
      if (collector_->take_chunk_header() && used > options_.header_bytes_max) {
        return chunk_header_too_large();
      }
      if (used == 0) break;
    }
    if (collector_->is_done()) {
      const std::size_t left = rest.size();
      pending_ = std::string();
      return ParseProgress{bytes.size() - left, true};
    }
    if (rest.size() > options_.header_bytes_max) return chunk_header_too_large();
    pending_ = std::string(rest);
    return ParseProgress{bytes.size(), false};
  }

 private:
  Failure chunk_header_too_large() const {
    return bad("a chunk header or the trailers are larger than " +
               std::to_string(options_.header_bytes_max) + " bytes; send them without extensions");
  }
  Failure too_large() const {
    if (kIsRequest && !scan_.has_line()) {
      return {Errc::kTargetTooLong, "the request line is longer than " +
                                        std::to_string(options_.header_bytes_max) +
                                        " bytes; put the content into the body"};
    }
    return headers_too_large(options_);
  }

  // RFC 9112 2.2: an empty line before the request line is ignored; more than a few are abuse.
  base::Result<ParseProgress, Errc> skip_blank_line(std::size_t consumed) {
    constexpr int kBlankLinesMax = 2;
    if (++blank_lines_ > kBlankLinesMax) return bad("empty lines instead of a request line");
    pending_ = std::string();
    scan_.reset();
    return ParseProgress{consumed, false};
  }

  Verdict put_block() {
    error_code ec;
    std::size_t used = 0;
    used = collector_->put({block_.data(), block_.size()}, ec);
    if (collector_->failure()) return *collector_->failure();
    if (ec && kIsRequest && ec == beast_http::error::bad_version && names_version(block_)) {
      return Failure{Errc::kVersionNotSupported,
                     "only HTTP/1.0 and HTTP/1.1 are spoken here; ask with HTTP/1.1"};
    }
    // The library asks for more when the block is its own end and a body follows.
    if (ec && ec != beast_http::error::need_more) return to_failure(ec, options_);
    if (used != block_.size() || !collector_->is_header_done()) {
      return bad("malformed header block; send HTTP/1.1 as RFC 9112 defines it");
    }
    return base::Done{};
  }

  const Options& options_;
  std::optional<Collector<kIsRequest, Message>> collector_;
  HeaderScan scan_;
  std::string pending_;  // an incomplete header block, or an incomplete chunk header
  std::string_view block_;
  int blank_lines_ = 0;
};

}  // namespace

int status_of(Errc code) {
  switch (code) {
    case Errc::kBadRequest:
      return 400;
    case Errc::kBodyTooLarge:
      return 413;
    case Errc::kTargetTooLong:
      return 414;
    case Errc::kExpectationFailed:
      return 417;
    case Errc::kHeadersTooLarge:
      return 431;
    case Errc::kMethodNotSupported:
      return 501;
    case Errc::kTransferCoding:
      return 501;
    case Errc::kVersionNotSupported:
      return 505;
  }
  return 400;
}

class RequestParser::Machine {
 public:
  explicit Machine(const Options& options) : feed_(options) {}

  base::Result<ParseProgress, Errc> consume(std::string_view bytes) {
    ParseProgress total;
    while (total.consumed < bytes.size() && !feed_.has_header()) {
      auto step = feed_.take_header(bytes.substr(total.consumed), request_, false);
      if (!step) return step.error();
      total.consumed += step.value().consumed;
      if (!step.value().complete) continue;
      if (const Verdict verdict = judge_header(); !verdict) return verdict.error();
    }
    if (feed_.has_header() && !feed_.is_done() && total.consumed < bytes.size()) {
      expects_continue_ = false;
      auto step = feed_.take_body(bytes.substr(total.consumed));
      if (!step) return step.error();
      total.consumed += step.value().consumed;
    }
    total.complete = feed_.is_done();
    return total;
  }

  Request take() {
    MR_ASSERT(feed_.is_done(), "take() only after a complete request");
    feed_.reset();
    expects_continue_ = false;
    return std::exchange(request_, Request());
  }

  bool is_idle() const { return feed_.is_idle(); }
  bool is_new() const { return feed_.is_new(); }
  bool in_body() const { return feed_.has_header() && !feed_.is_done(); }
  Request& partial() { return request_; }
  bool take_expect_continue() { return in_body() && std::exchange(expects_continue_, false); }

 private:
  struct Seen {
    std::size_t hosts = 0;
    std::size_t lengths = 0;
    std::size_t codings = 0;
  };

  Verdict judge_field(const Header& header, Seen& seen) {
    if (header.name == "host") {
      ++seen.hosts;
      if (!is_host_value(header.value)) {
        return bad("header Host is " + quoted(header.value) + "; send host or host:port");
      }
    } else if (header.name == "content-length") {
      ++seen.lengths;
      const auto digit = [](char c) { return c >= '0' && c <= '9'; };
      if (!std::all_of(header.value.begin(), header.value.end(), digit)) {
        return bad("header Content-Length is " + quoted(header.value) + "; send one number");
      }
    } else if (header.name == "transfer-encoding") {
      ++seen.codings;
      if (!equal_ignoring_case(header.value, "chunked")) {
        return Failure{Errc::kTransferCoding, "header Transfer-Encoding is " +
                                                  quoted(header.value) +
                                                  "; only 'chunked' is supported"};
      }
    } else if (header.name == "expect" && request_.minor > 0) {
      if (!equal_ignoring_case(header.value, "100-continue")) {
        return Failure{Errc::kExpectationFailed, "header Expect is " + quoted(header.value) +
                                                     "; only '100-continue' is supported"};
      }
      expects_continue_ = true;
    }
    return base::Done{};
  }

  Verdict judge_header() {
    Seen seen;
    for (const Header& header : request_.headers) {
      if (const Verdict verdict = judge_field(header, seen); !verdict) return verdict.error();
    }
    if (seen.hosts > 1) return bad("header Host is there twice; send it once");
    if (seen.hosts == 0 && request_.minor > 0) {
      return bad("header Host is missing; HTTP/1.1 requests must have it");
    }
    if (seen.lengths > 1) return bad("header Content-Length is there twice; send it once");
    if (seen.codings > 0 && seen.lengths > 0) {
      return bad("both Content-Length and Transfer-Encoding are there; send one of them");
    }
    if (seen.codings > 0 && request_.minor == 0) {
      return bad("Transfer-Encoding in an HTTP/1.0 request; send Content-Length");
    }
    request_.keep_alive = feed_.collector().keep_alive();
    return base::Done{};
  }

  Request request_;
  Feed<true, Request> feed_;
  bool expects_continue_ = false;
};

RequestParser::RequestParser(const Options& options)
    : machine_(std::make_unique<Machine>(options)) {}
RequestParser::RequestParser(RequestParser&&) noexcept = default;
RequestParser& RequestParser::operator=(RequestParser&&) noexcept = default;
RequestParser::~RequestParser() = default;

base::Result<ParseProgress, Errc> RequestParser::consume(std::string_view bytes) {
  return machine_->consume(bytes);
}
Request RequestParser::take() { return machine_->take(); }
bool RequestParser::is_idle() const { return machine_->is_idle(); }
bool RequestParser::is_new() const { return machine_->is_new(); }
bool RequestParser::in_body() const { return machine_->in_body(); }
Request& RequestParser::partial() { return machine_->partial(); }
bool RequestParser::take_expect_continue() { return machine_->take_expect_continue(); }

class ResponseParser::Machine {
 public:
  explicit Machine(const Options& options) : feed_(options) {}

  void expect(bool head_only) { head_only_ = head_only; }

  base::Result<ParseProgress, Errc> consume(std::string_view bytes) {
    ParseProgress total;
    while (total.consumed < bytes.size() && !feed_.has_header()) {
      auto step = feed_.take_header(bytes.substr(total.consumed), response_, head_only_);
      if (!step) return step.error();
      total.consumed += step.value().consumed;
      if (step.value().complete && is_interim()) restart();
    }
    if (feed_.has_header() && !feed_.is_done() && total.consumed < bytes.size()) {
      auto step = feed_.take_body(bytes.substr(total.consumed));
      if (!step) return step.error();
      total.consumed += step.value().consumed;
    }
    total.complete = feed_.is_done();
    return total;
  }

  bool finish() {
    if (!feed_.has_header() || feed_.is_done()) return feed_.is_done();
    error_code ec;
    feed_.collector().put_eof(ec);
    return !ec && feed_.is_done();
  }

  Response take() {
    MR_ASSERT(feed_.is_done(), "take() only after a complete response");
    keep_alive_ = feed_.collector().keep_alive();
    if (const std::string* type = response_.header("content-type")) response_.content_type = *type;
    return restart();
  }

  bool keep_alive() const { return keep_alive_; }

 private:
  bool is_interim() const {
    return response_.status >= 100 && response_.status < 200 && response_.status != 101;
  }
  Response restart() {
    feed_.reset();
    return std::exchange(response_, Response());
  }

  Response response_;
  Feed<false, Response> feed_;
  bool head_only_ = false;
  bool keep_alive_ = true;
};

ResponseParser::ResponseParser(const Options& options)
    : machine_(std::make_unique<Machine>(options)) {}
ResponseParser::~ResponseParser() = default;

void ResponseParser::expect(bool head_only) { machine_->expect(head_only); }
base::Result<ParseProgress, Errc> ResponseParser::consume(std::string_view bytes) {
  return machine_->consume(bytes);
}
bool ResponseParser::finish() { return machine_->finish(); }
Response ResponseParser::take() { return machine_->take(); }
bool ResponseParser::keep_alive() const { return machine_->keep_alive(); }

}  // namespace mr::http
