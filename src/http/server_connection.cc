#include "http/server_connection.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

namespace mr::http {
namespace {

constexpr std::uint32_t kNoDeadline = std::numeric_limits<std::uint32_t>::max();
constexpr base::Duration kLingerTime = std::chrono::seconds(2);

Refusal refusal_of(Errc code) {
  switch (code) {
    case Errc::kBadRequest:
      return Refusal::kBadRequest;
    case Errc::kBodyTooLarge:
      return Refusal::kBodyTooLarge;
    case Errc::kTargetTooLong:
    case Errc::kHeadersTooLarge:
      return Refusal::kHeadersTooLarge;
    case Errc::kExpectationFailed:
    case Errc::kMethodNotSupported:
    case Errc::kTransferCoding:
    case Errc::kVersionNotSupported:
      return Refusal::kNotSupported;
  }
  return Refusal::kBadRequest;
}

// A body that costs less than the new connection after a refusal.
bool has_small_body(const Request& request) {
  constexpr std::size_t kSmall = 16 * 1024;
  const std::string* length = request.header("content-length");
  if (length == nullptr) return false;
  std::size_t bytes = 0;
  const auto [end, error] = std::from_chars(length->data(), length->data() + length->size(), bytes);
  return error == std::errc() && bytes <= kSmall;
}

}  // namespace

ServerConnection::ServerConnection(ConnectionPool& pool, net::SocketHandle socket,
                                   const net::PeerAddress& peer)
    : pool_(pool),
      socket_(socket),
      peer_(peer),
      deadline_(pool.deadline_after(pool.options_.header_timeout)) {}

void ServerConnection::on_ready(net::Ready ready) {
  if (state_ == State::kClosed) return;
  if (ready.hangup) return close();
  if (ready.writable) is_blocked_ = false;
  if (ready.readable) readable_ = true;
  pump();
}

void ServerConnection::resume() {
  if (state_ != State::kClosed) pump();
}

void ServerConnection::pump() {
  in_pump_ = true;
  std::size_t budget = kReadShare;
  while (state_ != State::kClosed && !is_paused()) {
    if (!unparsed_.empty()) {
      const std::string bytes = std::exchange(unparsed_, {});
      parse(bytes);
    } else if (readable_ && budget > 0) {
      read_some(budget);
    } else {
      break;
    }
  }
  in_pump_ = false;
  if (state_ == State::kClosed) return;
  collect_answers();
  flush();
  if (state_ == State::kClosed || is_paused()) return;
  if (!unparsed_.empty() || readable_) {
    pool_.schedule(*this, ConnectionPool::When::kNextIteration);
  }
}

void ServerConnection::read_some(std::size_t& budget) {
  const std::span<std::byte> buffer = pool_.loop_.read_buffer();
  const net::IoResult got = pool_.loop_.read(socket_, buffer);
  if (got.status == net::IoStatus::kBlocked) {
    readable_ = false;
  } else if (got.status == net::IoStatus::kClosed) {
    readable_ = false;
    on_end();
  } else {
    budget -= std::min(budget, got.bytes);
    if (state_ == State::kOpen) {
      parse({reinterpret_cast<const char*>(buffer.data()), got.bytes});
    }
  }
}

void ServerConnection::parse(std::string_view bytes) {
  while (!bytes.empty() && state_ == State::kOpen && !is_paused()) {
    if (!parser_) parser_ = std::make_unique<RequestParser>(pool_.options_);
    const bool was_idle = parser_->is_idle();
    const bool was_in_body = parser_->in_body();
    const auto progress = parser_->consume(bytes);
    if (!progress) return fail(progress.error());
    bytes.remove_prefix(progress.value().consumed);
    if (!charge_body()) return;
    if (progress.value().complete) {
      has_served_ = true;
      Request request = parser_->take();
      if (request.is_websocket_upgrade() && request.minor > 0) {
        unparsed_ = std::string(bytes);
        upgrade_ = std::make_unique<Request>(std::move(request));
        return try_upgrade();
      }
      accept_request(std::move(request));
      set_wait_deadline();
    } else if (parser_->in_body() && !was_in_body) {
      if (!begin_body()) return;
    } else if (was_idle && !parser_->is_idle() && has_served_) {
      deadline_ = pool_.deadline_after(pool_.options_.header_timeout);
    }
  }
  if (state_ == State::kOpen) unparsed_ = std::string(bytes);
}

bool ServerConnection::begin_body() {
  Request& head = parser_->partial();
  head.peer = peer_;
  if (auto refusal = has_small_body(head) ? std::nullopt : pool_.service_.refuse_head(head)) {
    refuse(std::move(*refusal));
    return false;
  }
  deadline_ = pool_.deadline_after(pool_.options_.body_timeout);
  // With answers still owed the client's own patience starts its body.
  if (parser_->take_expect_continue() && exchanges_.empty()) {
    out_ += "HTTP/1.1 100 Continue\r\n\r\n";
  }
  return true;
}

// Counts what the parser holds. False: it was too much with all others, and is refused.
bool ServerConnection::charge_body() {
  const std::size_t held = parser_->in_body() ? parser_->partial().body.size() : 0;
  pool_.body_bytes_ = pool_.body_bytes_ - charged_ + held;
  charged_ = held;
  const Options& options = pool_.options_;
  if (held == 0 || pool_.body_bytes_ <= std::max(options.body_budget, options.body_bytes_max)) {
    return true;
  }
  ++pool_.counters_.of(Refusal::kBodyBudget);
  Response response = text_response(503, "the request bodies that are coming in are larger than " +
                                             std::to_string(options.body_budget) +
                                             " bytes together; try again in a moment\n");
  response.headers.push_back({"Retry-After", "1"});
  refuse(std::move(response));
  return false;
}

void ServerConnection::drop_parser() {
  parser_.reset();
  pool_.body_bytes_ -= std::exchange(charged_, 0);
}

void ServerConnection::on_end() {
  if (state_ == State::kLingering) return close();
  has_ended_ = true;
  // The peer may have closed only its writing side: it still gets what it asked for.
  if (exchanges_.empty() && written_ == out_.size()) return close();
  state_ = State::kLastRequest;
}

void ServerConnection::fail(const base::Error<Errc>& error) {
  ++pool_.counters_.of(refusal_of(error.code));
  refuse(text_response(status_of(error.code), error.detail + "\n"));
}

void ServerConnection::refuse(Response response) {
  drop_parser();
  unparsed_.clear();
  Request none;
  none.keep_alive = false;
  add_exchange(none).answer(std::move(response));
}

void ServerConnection::accept_request(Request request) {
  ++pool_.counters_.requests;
  request.peer = peer_;
  Responder responder = add_exchange(request);
  pool_.service_.on_request(std::move(request), std::move(responder));
}

void ServerConnection::try_upgrade() {
  if (!exchanges_.empty() || written_ < out_.size()) return;
  Request request = std::move(*std::exchange(upgrade_, nullptr));
  ++pool_.counters_.requests;
  request.peer = peer_;
  Responder responder = add_exchange(request);
  if (pool_.draining_) {
    ++pool_.counters_.of(Refusal::kDraining);
    Response response = text_response(503, "this node is shutting down; connect again\n");
    response.headers.push_back({"Retry-After", "1"});
    return responder.answer(std::move(response));
  }
  std::string early = std::exchange(unparsed_, {});
  // What the service answers while it decides must not reach a socket that it then keeps.
  const bool was_in_pump = std::exchange(in_pump_, true);
  const std::shared_ptr<Exchange> exchange = exchanges_.back();
  if (pool_.service_.on_upgrade(std::move(request), socket_, peer_, early, std::move(responder))) {
    ++pool_.counters_.upgrades;
    socket_ = net::SocketHandle::kNone;
    return close();
  }
  in_pump_ = was_in_pump;
  unparsed_ = std::move(early);
  set_wait_deadline();
}

Responder ServerConnection::add_exchange(const Request& request) {
  auto exchange = std::make_shared<Exchange>();
  exchange->connection = this;
  exchange->keep_alive = request.keep_alive && !has_ended_;
  exchange->head_only = request.method == Method::kHead;
  if (!exchange->keep_alive) state_ = State::kLastRequest;
  exchanges_.push_back(exchange);
  ++pool_.open_requests_;
  return Responder([exchange](Response response) {
    if (exchange->connection == nullptr) return;
    exchange->connection->on_answer(*exchange, std::move(response));
  });
}

void ServerConnection::on_answer(Exchange& exchange, Response response) {
  exchange.response = std::move(response);
  exchange.is_answered = true;
  if (!in_pump_) pool_.schedule(*this, ConnectionPool::When::kThisIteration);
}

// No request behind the first `count` has come, as far as we have read.
bool ServerConnection::is_last_request(std::size_t count) const {
  return count == exchanges_.size() && unparsed_.empty() && !upgrade_ &&
         (!parser_ || parser_->is_idle());
}

void ServerConnection::collect_answers() {
  std::size_t done = 0;
  while (done < exchanges_.size() && exchanges_[done]->is_answered) {
    Exchange& exchange = *exchanges_[done++];
    // Nothing follows an answer that says close: only the last one owed may say it.
    if (pool_.draining_ && is_last_request(done)) exchange.keep_alive = false;
    const auto status_class = static_cast<std::size_t>(exchange.response.status / 100);
    if (status_class < pool_.counters_.responses.size()) {
      ++pool_.counters_.responses[status_class];
    }
    append_response(out_, exchange.response, exchange.keep_alive, exchange.head_only);
    exchange.connection = nullptr;
    if (exchange.keep_alive) continue;
    state_ = State::kLastRequest;
    // RFC 9112 9.6: nothing follows an answer that says close.
    for (std::size_t i = done; i < exchanges_.size(); ++i) exchanges_[i]->connection = nullptr;
    done = exchanges_.size();
  }
  if (done == 0) return;
  pool_.open_requests_ -= done;
  exchanges_.erase(exchanges_.begin(), exchanges_.begin() + static_cast<std::ptrdiff_t>(done));
  set_wait_deadline();
}

void ServerConnection::flush() {
  if (state_ == State::kClosed) return;
  while (written_ < out_.size() && !is_blocked_) {
    const iovec part{out_.data() + written_, out_.size() - written_};
    const net::IoResult put = pool_.loop_.write(socket_, std::span(&part, 1));
    if (put.status == net::IoStatus::kClosed) return close();
    if (put.status == net::IoStatus::kBlocked) {
      is_blocked_ = true;
      deadline_ = pool_.deadline_after(pool_.options_.body_timeout);
    }
    written_ += put.bytes;
  }
  if (written_ < out_.size()) return;
  if (written_ > 0) {  // only an answer gives the peer more time
    written_ = 0;
    out_ = std::string();
    set_wait_deadline();
  }
  if (state_ == State::kLastRequest && exchanges_.empty()) return linger();
  if (!upgrade_ || !exchanges_.empty() || state_ != State::kOpen) return;
  try_upgrade();
  if (state_ == State::kClosed) return;
  collect_answers();
  flush();
}

void ServerConnection::linger() {
  if (has_ended_) return close();
  // Closing with unread bytes would reset the connection and may take the answer with it.
  state_ = State::kLingering;
  drop_parser();
  unparsed_ = std::string();
  deadline_ = pool_.deadline_after(kLingerTime);
  pool_.loop_.shutdown_write(socket_);
  if (readable_) pool_.schedule(*this, ConnectionPool::When::kNextIteration);
}

void ServerConnection::set_wait_deadline() {
  if (state_ == State::kClosed || state_ == State::kLingering) return;
  if (written_ < out_.size() && is_blocked_) return;
  if (!exchanges_.empty()) {
    deadline_ = kNoDeadline;
  } else if (!parser_ || parser_->is_idle()) {
    deadline_ = pool_.deadline_after(has_served_ ? pool_.options_.keep_alive_timeout
                                                 : pool_.options_.header_timeout);
  } else if (deadline_ == kNoDeadline) {
    deadline_ = pool_.deadline_after(parser_->in_body() ? pool_.options_.body_timeout
                                                        : pool_.options_.header_timeout);
  }
}

void ServerConnection::check_deadline(std::uint32_t now) {
  if (parser_ && parser_->is_new() && is_idle()) parser_.reset();
  if (now < deadline_) return;
  if (state_ == State::kLingering || is_idle()) {
    if (!has_served_ && state_ == State::kOpen) ++pool_.counters_.of(Refusal::kHeaderTimeout);
    return close();
  }
  if (written_ < out_.size() || state_ != State::kOpen) {
    ++pool_.counters_.of(Refusal::kWriteTimeout);
    return close();
  }
  const bool in_body = parser_ && parser_->in_body();
  ++pool_.counters_.of(in_body ? Refusal::kBodyTimeout : Refusal::kHeaderTimeout);
  refuse(text_response(408, std::string("the request's ") + (in_body ? "body" : "header") +
                                " did not come in time; send it at once\n"));
  deadline_ = kNoDeadline;
}

void ServerConnection::close_if_idle() {
  if (is_idle() && has_served_ && state_ == State::kOpen) close();
}

bool ServerConnection::is_idle() const {
  return exchanges_.empty() && written_ == out_.size() && unparsed_.empty() && !upgrade_ &&
         (!parser_ || parser_->is_idle());
}

bool ServerConnection::is_paused() const {
  if (state_ == State::kLingering) return false;
  return state_ != State::kOpen || upgrade_ || exchanges_.size() >= pool_.options_.pipeline_max ||
         out_.size() - written_ > kUnwrittenMax;
}

void ServerConnection::close() {
  if (state_ == State::kClosed) return;
  state_ = State::kClosed;
  for (const auto& exchange : exchanges_) exchange->connection = nullptr;
  pool_.open_requests_ -= exchanges_.size();
  exchanges_.clear();
  drop_parser();
  if (socket_ != net::SocketHandle::kNone) pool_.loop_.close(socket_);
  pool_.remove(*this);
}

}  // namespace mr::http
