#include "http/client.h"

#include <utility>

namespace mr::http {

Client::Client(net::Loop& loop, ClientOptions options)
    : loop_(loop), options_(std::move(options)) {}

Client::~Client() {
  *alive_ = false;
  if (timer_ != net::TimerId::kNone) loop_.cancel(timer_);
  drop_socket();
}

void Client::send(const ClientRequest& request, Done done) {
  out_ += to_text(request.method);
  out_ += ' ';
  out_ += request.target;
  out_ += " HTTP/1.1\r\nHost: ";
  out_ += options_.host.empty() ? where() : options_.host;
  out_ += "\r\n";
  for (const Header& header : request.headers) {
    out_ += header.name;
    out_ += ": ";
    out_ += header.value;
    out_ += "\r\n";
  }
  if (!request.body.empty() || request.method == Method::kPost) {
    out_ += "Content-Length: " + std::to_string(request.body.size()) + "\r\n";
  }
  out_ += "\r\n";
  out_ += request.body;
  waiting_.push_back({std::move(done), request.method == Method::kHead,
                      loop_.clock().now() + options_.response_timeout});
  arm_timer();
  schedule_flush();
}

void Client::close() { fail_all(ClientErrc::kClosed, "closed by the caller"); }

void Client::schedule_flush() {
  if (is_flush_scheduled_) return;
  is_flush_scheduled_ = true;
  loop_.defer([this, alive = alive_] {
    if (!*alive) return;
    is_flush_scheduled_ = false;
    flush();
  });
}

std::string Client::where() const {
  const bool is_v6 = options_.address.host.find(':') != std::string::npos;
  return (is_v6 ? "[" + options_.address.host + "]" : options_.address.host) + ":" +
         std::to_string(options_.address.port);
}

bool Client::open() {
  auto socket = loop_.connect(options_.address, *this);
  if (!socket) {
    fail_all(ClientErrc::kConnect, "cannot connect to " + where() + ": " + socket.error().detail);
    return false;
  }
  socket_ = socket.value();
  parser_ = std::make_unique<ResponseParser>(options_.limits);
  // The first report says that the connection stands.
  is_connected_ = false;
  is_blocked_ = true;
  return true;
}

void Client::on_ready(net::Ready ready) {
  if (socket_ == net::SocketHandle::kNone) return;
  if (ready.readable) read();
  if (socket_ == net::SocketHandle::kNone) return;
  if (ready.hangup) {
    return lose();
  }
  if (ready.writable) {
    is_connected_ = true;
    is_blocked_ = false;
    flush();
  }
}

void Client::flush() {
  if (waiting_.empty()) return;
  if (socket_ == net::SocketHandle::kNone && !open()) return;
  while (written_ < out_.size() && !is_blocked_) {
    const iovec part{out_.data() + written_, out_.size() - written_};
    const net::IoResult put = loop_.write(socket_, std::span(&part, 1));
    if (put.status == net::IoStatus::kClosed) {
      // What the server said before it closed is still worth reading.
      read();
      if (socket_ != net::SocketHandle::kNone) lose();
      return;
    }
    if (put.status == net::IoStatus::kBlocked) is_blocked_ = true;
    written_ += put.bytes;
  }
  if (written_ == out_.size()) {
    out_.clear();
    written_ = 0;
  }
}

void Client::read() {
  while (socket_ != net::SocketHandle::kNone) {
    const std::span<std::byte> buffer = loop_.read_buffer();
    const net::IoResult got = loop_.read(socket_, buffer);
    if (got.status == net::IoStatus::kBlocked) return;
    if (got.status == net::IoStatus::kClosed) {
      if (!waiting_.empty() && parser_->finish()) answer_front(parser_->take());
      return lose();
    }
    // Callbacks run in between and may use the loop's buffer themselves.
    const std::string bytes(reinterpret_cast<const char*>(buffer.data()), got.bytes);
    parse(bytes);
  }
}

void Client::parse(std::string_view bytes) {
  while (!bytes.empty() && socket_ != net::SocketHandle::kNone) {
    if (waiting_.empty()) {
      return fail_all(ClientErrc::kMalformed, where() + " sent an answer that nobody asked for");
    }
    parser_->expect(waiting_.front().head_only);
    const auto progress = parser_->consume(bytes);
    if (!progress) {
      return fail_all(ClientErrc::kMalformed, where() + ": " + progress.error().detail);
    }
    bytes.remove_prefix(progress.value().consumed);
    if (!progress.value().complete) continue;
    Response response = parser_->take();
    const bool keep_alive = parser_->keep_alive();
    answer_front(std::move(response));
    if (!keep_alive && socket_ != net::SocketHandle::kNone) {
      return lose();
    }
  }
}

void Client::answer_front(Response response) {
  Waiting front = std::move(waiting_.front());
  waiting_.pop_front();
  front.done(std::move(response));
}

void Client::fail_all(ClientErrc why, const std::string& detail) {
  drop_socket();
  out_.clear();
  written_ = 0;
  // Callbacks may send again: those requests belong to the next connection.
  std::deque<Waiting> failed = std::exchange(waiting_, {});
  for (Waiting& waiting : failed) waiting.done(base::Error<ClientErrc>{why, detail});
}

void Client::lose() {
  if (is_connected_) return fail_all(ClientErrc::kClosed, where() + " closed the connection");
  fail_all(ClientErrc::kConnect, "cannot connect to " + where() + "; does it listen there?");
}

void Client::drop_socket() {
  if (socket_ == net::SocketHandle::kNone) return;
  loop_.close(std::exchange(socket_, net::SocketHandle::kNone));
}

void Client::arm_timer() {
  if (timer_ != net::TimerId::kNone) return;
  timer_ = loop_.after(std::chrono::seconds(1), [this] { on_timer(); });
}

void Client::on_timer() {
  timer_ = net::TimerId::kNone;
  if (waiting_.empty()) return;
  if (loop_.clock().now() >= waiting_.front().deadline) {
    fail_all(ClientErrc::kTimeout, where() + " did not answer in time");
  }
  if (!waiting_.empty()) arm_timer();
}

}  // namespace mr::http
