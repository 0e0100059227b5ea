#include "cluster/redis/connection.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "cluster/redis/error_text.h"
#include "cluster/redis/slot_map.h"
#include "net/address.h"

namespace mr::cluster::redis {
namespace {

constexpr auto kTickMax = std::chrono::milliseconds(250);
// hiredis moves the rest of its buffer after each reply: small pieces keep that cheap.
constexpr std::size_t kReadBytes = 16 * 1024;
// Others of the loop have their turn after so much.
constexpr std::size_t kReadBytesPerTurn = 256 * 1024;
constexpr std::size_t kSpentBytesMax = 64 * 1024;
constexpr std::size_t kKeptCapacity = 256 * 1024;

void append_size(std::string& out, char sign, std::size_t size) {
  std::array<char, 24> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), size).ptr;
  out += sign;
  out.append(digits.data(), end);
  out += "\r\n";
}

void append_command(std::string& out, std::span<const std::string_view> args) {
  append_size(out, '*', args.size());
  for (const std::string_view arg : args) {
    append_size(out, '$', arg.size());
    out.append(arg).append("\r\n");
  }
}

std::size_t size_of(std::span<const std::string_view> args) {
  std::size_t bytes = 0;
  for (const std::string_view arg : args) bytes += arg.size();
  return bytes;
}

std::string in_ms(base::Duration duration) {
  using std::chrono::milliseconds;
  return std::to_string(std::chrono::duration_cast<milliseconds>(duration).count()) + " ms";
}

std::string lower(std::string_view text) {
  std::string low(text);
  for (char& c : low) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return low;
}

bool is_message(std::string_view verb) {
  return verb == "message" || verb == "smessage" || verb == "pmessage";
}

}  // namespace

std::string encode_command(std::span<const std::string_view> args) {
  std::string out;
  out.reserve(size_of(args) + 24 * (args.size() + 1));
  append_command(out, args);
  return out;
}

Connection::Connection(net::Loop& loop, net::Resolver& resolver, const RedisOptions& options,
                       ConnectionEvents& events)
    : loop_(loop), resolver_(resolver), options_(options), events_(events) {
  if (!options_.sentinel.servers.empty()) {
    search_ = std::make_unique<PrimarySearch>(loop_, resolver_, options_);
  }
}

Connection::~Connection() {
  *alive_ = false;
  drop();
}

std::string Connection::where() const {
  if (next_address_ == 0) return net::to_text(server_);
  const net::Address& address = addresses_[next_address_ - 1];
  if (address.host == server_.host) return net::to_text(address);
  return server_.host + " (" + net::to_text(address) + ")";
}

// --- opening -----------------------------------------------------------------------------------

void Connection::open() {
  MR_ASSERT(state_ == State::kClosed, "opened twice");
  state_ = State::kResolving;
  next_address_ = 0;
  ++opening_;
  if (!search_) return look_up({options_.host, options_.port});
  search_->find([this, opening = opening_](const auto& found) {
    if (opening != opening_) return;
    if (!found) return lose(found.error().detail);
    look_up(found.value());
  });
}

void Connection::look_up(const net::Address& server) {
  server_ = server;
  resolver_.resolve(loop_, server_,
                    [this, alive = alive_, opening = opening_](net::Addresses found) {
                      if (*alive && opening == opening_) resolved(std::move(found));
                    });
}

void Connection::resolved(net::Addresses found) {
  if (!found) return lose("Redis: " + found.error().detail + "; " + address_remedy(options_));
  addresses_ = std::move(found).value();
  connect_next();
}

void Connection::connect_next() {
  drop();
  state_ = State::kConnecting;
  const auto socket = loop_.connect(addresses_[next_address_++], *this);
  deadline_ = loop_.clock().now() + options_.connect_timeout;
  arm_tick();
  if (!socket) return attempt_failed("Redis: " + socket.error().detail);
  socket_ = socket.value();
  // The first report says that the connection stands.
  is_blocked_ = true;
  is_ended_ = false;
}

void Connection::attempt_failed(const std::string& why) {
  if (next_address_ < addresses_.size()) return connect_next();
  lose(why);
}

void Connection::connection_stands() {
  if (options_.tls.is_on) {
    MR_ASSERT(options_.tls_context != nullptr, "TLS without a context");
    secured_ =
        std::make_unique<tls::ClientStream>(*options_.tls_context, loop_, socket_, server_.host);
    state_ = State::kSecuring;
    return;
  }
  greet();
}

void Connection::secure() {
  switch (secured_->handshake()) {
    case tls::ClientStream::Step::kBlocked:
      return;
    case tls::ClientStream::Step::kDone:
      is_blocked_ = false;
      return greet();
    case tls::ClientStream::Step::kFailed:
      break;
  }
  attempt_failed(why_ended());
}

// All in one packet: what is refused closes the connection, whatever came behind it.
void Connection::greet() {
  state_ = State::kGreeting;
  reader_ = std::make_unique<ReplyReader>();
  last_heard_ = loop_.clock().now();
  is_subscribed_ = is_pinged_ = false;
  const auto step = [this](std::span<const std::string_view> args) {
    send(args, {[this, command = args[0]](const Reply& reply) { greeted(reply, command); }});
  };
  using Args = std::array<std::string_view, 2>;
  if (!options_.password.empty() && !options_.username.empty()) {
    step(std::array<std::string_view, 3>{"AUTH", options_.username, options_.password});
  } else if (!options_.password.empty()) {
    step(Args{"AUTH", options_.password});
  }
  if (options_.db != 0) step(Args{"SELECT", std::to_string(options_.db)});
  if (!options_.client_name.empty()) {
    // Only a convenience, and switched off on some servers.
    send(std::array<std::string_view, 3>{"CLIENT", "SETNAME", options_.client_name},
         {[](const Reply&) {}});
  }
  if (search_) {
    send(std::array<std::string_view, 1>{"ROLE"},
         {[this](const Reply& reply) { told_role(reply); }});
  }
  const std::array<std::string_view, 1> ping{"PING"};
  send(ping, {[this](const Reply& reply) {
         if (!greeted(reply, "PING")) return;
         state_ = State::kReady;
         events_.on_ready();
       }});
}

bool Connection::greeted(const Reply& reply, std::string_view command) {
  if (reply.is_error()) lose(explain("Redis at " + where(), command, reply.text, options_));
  return reply.kind == Reply::Kind::kStatus;
}

// A sentinel may not know yet that it has become a replica, or not that it is none any more.
void Connection::told_role(const Reply& reply) {
  if (reply.is_error()) {
    return lose(explain("Redis at " + where(), "ROLE", reply.text, options_));
  }
  if (reply.kind == Reply::Kind::kLost) return;
  if (!reply.elements.empty() && reply.elements[0].text == "master") return;
  search_->distrust();
  lose("Redis at " + where() + ", which a sentinel names as the primary \"" +
       options_.sentinel.primary +
       "\", is none: a failover is under way, and it is asked for again");
}

void Connection::check_primary() {
  checked_ = loop_.clock().now();
  search_->find([this](const auto& found) {
    if (!found || state_ != State::kReady) return;
    const net::Address& now = found.value();
    if (now.host == server_.host && now.port == server_.port) return;
    lose("Redis at " + where() + " is the primary \"" + options_.sentinel.primary +
         "\" no more: that is " + net::to_text(now) + " now, as a sentinel says");
  });
}

// --- commands ----------------------------------------------------------------------------------

bool Connection::command(std::span<const std::string_view> args, OnReply on_reply) {
  if (state_ != State::kReady || is_full(size_of(args))) return false;
  MR_ASSERT(!is_subscribed_, "a command on a connection that subscribes");
  send(args, {std::move(on_reply)});
  return true;
}

void Connection::encoded(std::string_view command, OnReply on_reply) {
  MR_ASSERT(state_ == State::kReady && !is_subscribed_, "a command that cannot be sent");
  out_ += command;
  expect({std::move(on_reply)});
}

void Connection::subscription(std::string_view verb, std::string_view channel, OnReply on_reply) {
  if (state_ != State::kReady) return;
  if (is_full(channel.size())) {
    return lose_later("the queue of " + std::to_string(options_.queue_bytes_max) +
                      " bytes to Redis at " + where() + " has no room for a subscription");
  }
  is_subscribed_ = true;
  send(std::array<std::string_view, 2>{verb, channel},
       {std::move(on_reply), lower(verb).append(" ").append(channel)});
}

// What is written but not answered counts with what it takes here.
bool Connection::is_full(std::size_t more) const {
  return queued_bytes() + waiting_.size() * sizeof(Waiting) + more > options_.queue_bytes_max;
}

void Connection::send(std::span<const std::string_view> args, Waiting waiting) {
  append_command(out_, args);
  expect(std::move(waiting));
}

void Connection::expect(Waiting waiting) {
  waiting_.push_back(std::move(waiting));
  write_later();
}

void Connection::write_later() {
  if (is_write_scheduled_ || is_blocked_) return;
  is_write_scheduled_ = true;
  loop_.defer([this, alive = alive_] {
    if (!*alive) return;
    is_write_scheduled_ = false;
    flush();
  });
}

void Connection::flush() {
  while (written_ < out_.size() && !is_blocked_) {
    const net::IoResult result = put(std::string_view(out_).substr(written_));
    written_ += result.bytes;
    is_blocked_ = result.status != net::IoStatus::kOk;
    if (result.status == net::IoStatus::kClosed) return lose_later("");
  }
  if (written_ == out_.size()) {
    out_.clear();
    written_ = 0;
    if (out_.capacity() > kKeptCapacity) out_.shrink_to_fit();
  } else if (written_ > kSpentBytesMax && written_ > out_.size() / 2) {
    out_.erase(0, std::exchange(written_, 0));
  }
}

// --- reading -----------------------------------------------------------------------------------

void Connection::on_ready(net::Ready ready) {
  const std::uint64_t opening = opening_;
  if (state_ == State::kConnecting) {
    if (ready.hangup) {
      return attempt_failed("cannot connect to Redis at " + where() +
                            ": nobody listens there, or it is out of reach; " +
                            address_remedy(options_));
    }
    if (!ready.writable) return;
    connection_stands();
  }
  is_ended_ = is_ended_ || ready.ended;
  if (state_ == State::kSecuring) {
    secure();
    if (opening != opening_ || state_ == State::kSecuring) return;
    // What came behind the handshake is reported by nobody.
    return read();
  }
  if (ready.writable) {
    is_blocked_ = false;
    flush();
  }
  if ((ready.readable || secured_) && opening == opening_) read();
}

net::IoResult Connection::get(std::span<std::byte> into) {
  return secured_ ? secured_->read(into) : loop_.read(socket_, into);
}

net::IoResult Connection::put(std::string_view bytes) {
  if (secured_) return secured_->write(std::as_bytes(std::span(bytes)));
  const iovec part{const_cast<char*>(bytes.data()), bytes.size()};
  return loop_.write(socket_, std::span(&part, 1));
}

// Why there is nothing more to read.
std::string Connection::why_ended() const {
  if (secured_ && !secured_->failure().empty()) {
    return "TLS to Redis at " + where() + ": " + secured_->failure();
  }
  if (state_ == State::kSecuring) {
    return "Redis at " + where() +
           " ended the connection before it had TLS: name its port for TLS, or turn "
           "database.redis.tls.enabled off";
  }
  std::string text = "Redis at " + where() +
                     " closed the connection: it stopped, or cut us off (its log says, such as "
                     "for client-output-buffer-limit)";
  if (state_ == State::kGreeting && !secured_) {
    text += ", or it wants TLS (database.redis.tls.enabled)";
  }
  return text;
}

void Connection::read() {
  const std::uint64_t opening = opening_;
  for (std::size_t got_bytes = 0; got_bytes < kReadBytesPerTurn;) {
    const std::span<std::byte> buffer = loop_.read_buffer().first(kReadBytes);
    const net::IoResult got = get(buffer);
    if (got.status == net::IoStatus::kBlocked) return;
    if (got.status == net::IoStatus::kClosed) return lose(why_ended());
    got_bytes += got.bytes;
    last_heard_ = loop_.clock().now();
    is_pinged_ = false;
    reader_->feed({reinterpret_cast<const char*>(buffer.data()), got.bytes});
    if (!take_replies() || opening != opening_) return;
    if (got.is_drained && !is_ended_) return;
  }
  loop_.post([this, alive = alive_, opening] {
    if (*alive && opening == opening_) read();
  });
}

// False: the connection is another one now, or none.
bool Connection::take_replies() {
  const std::uint64_t opening = opening_;
  while (const std::optional<Reply> reply = reader_->next()) {
    take(*reply);
    if (opening != opening_) return false;
  }
  if (reader_->failure().empty()) return true;
  lose("what Redis at " + where() + " sent is none of its replies (" + reader_->failure() +
       "); is that a Redis, and does it want TLS (database.redis.tls.enabled)?");
  return false;
}

void Connection::take(const Reply& reply) {
  if (is_subscribed_ && (take_push(reply) || is_late_refusal(reply))) return;
  if (!waiting_.empty()) return answer(reply);
  lose(explain("Redis at " + where(), "no command", reply.text, options_));
}

// Answers of PING are arrays too once it subscribed.
bool Connection::take_push(const Reply& reply) {
  if (reply.kind != Reply::Kind::kArray || reply.elements.size() < 3) return false;
  const std::string_view verb = reply.elements[0].text;
  if (is_message(verb)) {
    events_.on_push(reply);
    return true;
  }
  const std::string_view channel = reply.elements[1].text;
  const std::string_view asked = waiting_.empty() ? std::string_view() : waiting_.front().confirms;
  const bool is_ours = asked.size() == verb.size() + 1 + channel.size() &&
                       asked.starts_with(verb) && asked.ends_with(channel);
  if (is_ours) {
    answer(reply);
  } else {
    events_.on_push(reply);
  }
  return true;
}

// The server ended a subscription whose slot moved just before it read our own SUNSUBSCRIBE: the
// former was taken for its answer.
bool Connection::is_late_refusal(const Reply& reply) const {
  if (!reply.is_error()) return false;
  const std::optional<Redirection> moved = read_redirection(reply.text, server_.host);
  if (!moved) return false;
  if (waiting_.empty()) return true;
  const std::string_view confirms = waiting_.front().confirms;
  return slot_of(confirms.substr(confirms.find(' ') + 1)) != moved->slot;
}

void Connection::answer(const Reply& reply) {
  Waiting front = std::move(waiting_.front());
  waiting_.pop_front();
  front.call(reply);
}

// --- time --------------------------------------------------------------------------------------

void Connection::arm_tick() {
  const auto shorter = std::min(options_.silence, options_.connect_timeout * 2) / 8;
  const auto period = std::min<base::Duration>(shorter, kTickMax);
  tick_due_ = loop_.clock().now() + period;
  tick_ = loop_.after(period, [this] { tick(); });
}

void Connection::tick() {
  const base::TimePoint now = loop_.clock().now();
  const base::Duration late = now - tick_due_;
  if (late > kTickMax) {
    // We did not listen meanwhile.
    last_heard_ += late;
    deadline_ += late;
  }
  tick_ = net::TimerId::kNone;
  arm_tick();
  if (state_ == State::kReady) {
    if (search_ && now - checked_ >= options_.sentinel.check) check_primary();
    return check_silence(now);
  }
  if (now < deadline_) return;
  attempt_failed(why_late());
}

// Why it is not ready by now.
std::string Connection::why_late() const {
  const std::string limit = " within " + in_ms(options_.connect_timeout);
  if (state_ == State::kConnecting) {
    return "no connection to Redis at " + where() + limit + ": it is down or out of reach; " +
           address_remedy(options_);
  }
  if (state_ == State::kSecuring) {
    return "Redis at " + where() + " took the connection and did not speak TLS" + limit +
           ": it hangs, or name its port for TLS, or turn database.redis.tls.enabled off";
  }
  return "Redis at " + where() + " took the connection and did not answer" + limit +
         ": it hangs, or is no Redis";
}

void Connection::check_silence(base::TimePoint now) {
  const base::Duration silent = now - last_heard_;
  if (silent >= options_.silence) {
    return lose("Redis at " + where() + " was silent for " + in_ms(options_.silence) +
                ": it hangs, or the network between is cut");
  }
  if (silent < options_.silence / 2 || is_pinged_) return;
  is_pinged_ = true;
  const std::array<std::string_view, 1> ping{"PING"};
  send(ping, {[](const Reply&) {}});
}

// --- ending ------------------------------------------------------------------------------------

void Connection::close() {
  if (search_) search_->stop();
  if (state_ == State::kClosed) return;
  const Reply lost{.kind = Reply::Kind::kLost, .text = "closed"};
  for (Waiting& waiting : drop()) waiting.call(lost);
}

void Connection::lose(const std::string& why) {
  const Reply lost{.kind = Reply::Kind::kLost, .text = why};
  for (Waiting& waiting : drop()) waiting.call(lost);
  events_.on_closed(why);
}

// What the server said before it closed is still worth reading: it may say why.
void Connection::lose_later(std::string why) {
  loop_.defer([this, alive = alive_, opening = opening_, why = std::move(why)] {
    if (!*alive || opening != opening_) return;
    read();
    if (*alive && opening == opening_) {
      lose(!why.empty() ? why : "the connection to Redis at " + where() + " broke");
    }
  });
}

std::deque<Connection::Waiting> Connection::drop() {
  ++opening_;
  state_ = State::kClosed;
  drop_socket();
  if (tick_ != net::TimerId::kNone) loop_.cancel(std::exchange(tick_, net::TimerId::kNone));
  reader_.reset();
  out_ = {};
  written_ = 0;
  return std::exchange(waiting_, {});
}

void Connection::drop_socket() {
  secured_.reset();
  if (socket_ != net::SocketHandle::kNone) {
    loop_.close(std::exchange(socket_, net::SocketHandle::kNone));
  }
}

}  // namespace mr::cluster::redis
