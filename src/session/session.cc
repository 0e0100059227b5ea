#include "session/session.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "pusher/encode.h"
#include "session/dialogue.h"
#include "session/sessions.h"
#include "ws/frame.h"

namespace mr::session {
namespace {

// Reads of one socket before others get their turn.
constexpr int kReadsPerTurn = 16;
// Small, so that the answers to one read fit into the reserve for replies.
constexpr std::size_t kReadBytes = 16 * 1024;
constexpr std::uint32_t kOpeningSeconds = 10;
// RFC 6455 7.4.1: what a log says where no close frame had a code, and where there was none.
constexpr std::uint16_t kNoCode = 1005;
constexpr std::uint16_t kAbnormal = 1006;

std::uint32_t seconds(base::Duration duration) {
  return static_cast<std::uint32_t>(std::chrono::ceil<std::chrono::seconds>(duration).count());
}

void tell_end(const Session& session, std::uint16_t code, Ending why) {
  const observability::Logger& log = session.context.log;
  if (!log.enabled(observability::Level::kDebug)) return;
  log.debug(
      "connection closed",
      {{"socket_id", session.socket_id().to_string()}, {"code", code}, {"reason", to_text(why)}});
}

}  // namespace

// Turns what the receiver reads into calls; exists only while bytes are consumed.
class FrameSink final : public ws::Sink {
 public:
  explicit FrameSink(Session& session) : session_(session) {}

  bool on_text(std::string_view message) override { return on_message(message, true); }
  bool on_binary(std::string_view message) override { return on_message(message, false); }
  bool on_ping(std::string_view payload) override {
    return reply(ws::frame(ws::Opcode::kPong, payload));
  }
  bool on_pong(std::string_view) override { return true; }
  void on_close(std::optional<std::uint16_t> code, std::string_view reason) override {
    session_.peer_closed_ = true;
    if (session_.phase == Phase::kClosing) return;
    session_.close_frame(code.value_or(0), reason, Ending::kClient);
  }

 private:
  // After our close frame the peer is read for its own, and for nothing else.
  bool is_heard() const { return session_.phase == Phase::kOpen; }
  bool goes_on() const {
    return session_.phase == Phase::kOpen || session_.phase == Phase::kClosing;
  }
  bool on_message(std::string_view message, bool is_text) {
    if (!is_heard()) return goes_on();
    ++session_.context.counters.frames_in;
    if (session_.is_echo) {
      return reply(ws::frame(is_text ? ws::Opcode::kText : ws::Opcode::kBinary, message));
    }
    handle_message(session_, message);
    return goes_on();
  }
  bool reply(std::string bytes) {
    if (!is_heard()) return goes_on();
    if (session_.context.hub.reply(session_.outlet, std::move(bytes))) return true;
    session_.close(pusher::CloseCode::kOverCapacity,
                   "Too many answers wait for this connection; read them before asking more",
                   Ending::kSlow);
    return goes_on();
  }

  Session& session_;
};

Session::Session(Context& shared, SessionRef own_ref, net::SocketHandle socket,
                 hub::OutletId own_outlet, std::size_t message_bytes_max)
    : context(shared),
      ref(own_ref),
      outlet(own_outlet),
      socket_(socket),
      receiver_(ws::Role::kServer, {message_bytes_max}) {
  opened_ = last_seen_ = now();
  schedule();
}

std::uint32_t Session::now() const { return context.sessions.tick(); }

void Session::on_ready(net::Ready ready) {
  if (ready.writable) context.hub.on_writable(outlet);
  if (phase == Phase::kGone) return;
  if (phase == Phase::kOpening) {
    is_unread_ = is_unread_ || ready.readable;
  } else if (ready.readable || is_paused_) {
    read_all(ready.ended || is_paused_);
  }
  if (phase != Phase::kGone && ready.hangup) vanish(Ending::kClient);
}

void Session::start_reading(std::string first) {
  if (!first.empty() && !take(std::as_writable_bytes(std::span(first)))) return;
  // What the socket holds now is reported by the watch() that made this session its owner.
  if (is_unread_) read_all(true);
}

void Session::read_all(bool to_end) {
  const std::span<std::byte> buffer = context.loop.read_buffer().first(kReadBytes);
  for (int turn = 0; turn < kReadsPerTurn; ++turn) {
    // Who does not read the answers is not asked for more; the writable edge goes on here.
    is_paused_ = context.hub.is_choked(outlet);
    if (is_paused_) return;
    const net::IoResult result = context.loop.read(socket_, buffer);
    if (result.status == net::IoStatus::kBlocked) return;
    if (result.status == net::IoStatus::kClosed) return vanish(Ending::kClient);
    if (!take(buffer.first(result.bytes))) return;
    if (result.is_drained && !to_end) return;
  }
  // More may be there, and no edge will tell: asked again behind the others.
  context.loop.watch(socket_, *this);
}

// False when the session is gone.
bool Session::take(std::span<std::byte> bytes) {
  context.counters.bytes_in += bytes.size();
  last_seen_ = now();
  if (ping_sent_ != 0) {
    ping_sent_ = 0;
    if (phase == Phase::kOpen) schedule();
  }
  FrameSink sink(*this);
  const ws::Status status = receiver_.consume(bytes, sink);
  if (status.state == ws::ReceiverState::kFailed && phase != Phase::kClosing) fail(status.error);
  if (peer_closed_ && phase == Phase::kClosing) finish();
  return phase != Phase::kGone;
}

void Session::fail(ws::Errc error) {
  context.log.info_limited(
      "connection broke the WebSocket protocol",
      {{"socket_id", socket_id().to_string()}, {"reason", std::string(ws::describe(error))}});
  close_frame(ws::close_code(error), ws::describe(error), Ending::kProtocol);
  // RFC 6455 7.1.7: nothing that it still sends is looked at, also no close frame.
  if (phase == Phase::kClosing) finish();
}

void Session::finish() {
  if (std::exchange(is_finishing_, true)) return;
  context.sessions.finish(*this);
}

void Session::end_stream() {
  if (peer_closed_) return vanish(Ending::kClient);
  // Closing with unread bytes would reset the connection and may take the close frame with it.
  context.loop.shutdown_write(socket_);
}

void Session::establish_echo() {
  is_echo = true;
  phase = Phase::kOpen;
  schedule();
}

void Session::establish(model::AppRef of) {
  app = std::move(of);
  phase = Phase::kOpen;
  ++context.counters.opened;
  const auto timeout = seconds(context.options.activity_timeout);
  send(pusher::connection_established(socket_id(), timeout));
  schedule();
}

void Session::send(const std::string& text) {
  if (phase == Phase::kGone) return;
  const std::string frame = ws::text_frame(is_second ? pusher::in_second_names(text) : text);
  if (context.hub.reply(outlet, frame)) return;
  // Asks without reading: there is no room left even for a reason.
  vanish(Ending::kSlow);
}

void Session::close(pusher::CloseCode code, std::string_view message, Ending why) {
  if (phase == Phase::kClosing || phase == Phase::kGone) return;
  send(pusher::error(pusher::number(code), message));
  close_frame(static_cast<std::uint16_t>(code), message, why);
}

void Session::close_frame(std::uint16_t code, std::string_view reason, Ending why) {
  if (phase == Phase::kClosing || phase == Phase::kGone) return;
  const bool said = context.hub.reply(
      outlet, code == 0 ? ws::frame(ws::Opcode::kClose, {}) : ws::close_frame(code, reason));
  if (!said) return vanish(why);
  tell_end(*this, code == 0 ? kNoCode : code, why);
  context.counters.end(why);
  phase = Phase::kClosing;
  context.sessions.let_go(*this);
  context.sessions.deadline(*this, std::max(1U, seconds(context.options.close_timeout)));
  if (peer_closed_) finish();
}

void Session::vanish(Ending why) {
  if (phase == Phase::kGone) return;
  if (phase != Phase::kClosing) {
    tell_end(*this, kAbnormal, why);
    context.counters.end(why);
    context.sessions.let_go(*this);
  }
  phase = Phase::kGone;
  context.loop.close(socket_);
  context.hub.close(outlet);
  context.sessions.remove(ref);
}

void Session::on_deadline(std::uint32_t tick) {
  if (phase == Phase::kOpening || phase == Phase::kClosing) return vanish(Ending::kClient);
  const Options& options = context.options;
  const std::uint32_t silent = tick - last_seen_;
  const std::uint32_t age = tick - opened_;
  if (ping_sent_ != 0 && tick - ping_sent_ >= seconds(options.pong_timeout)) {
    return close(pusher::CloseCode::kPongMissing, "Pong reply not received in time", Ending::kPong);
  }
  if (options.idle_timeout.count() != 0 && silent >= seconds(options.idle_timeout)) {
    return close(pusher::CloseCode::kInactive, "Closed after inactivity", Ending::kIdle);
  }
  if (options.max_duration.count() != 0 && age >= seconds(options.max_duration)) {
    return close(pusher::CloseCode::kReconnect, "Maximum connection duration reached; reconnect",
                 Ending::kDuration);
  }
  if (!is_echo && app->options.enable_user_authentication && !is_authorized &&
      options.user_authentication_timeout.count() != 0 &&
      age >= seconds(options.user_authentication_timeout)) {
    return close(pusher::CloseCode::kUnauthorized, "Connection not authorized within timeout",
                 Ending::kUnauthorized);
  }
  if (ping_sent_ == 0 && silent >= seconds(options.activity_timeout)) {
    ping_sent_ = std::max(1U, tick);
    ++context.counters.pings_sent;
    if (is_echo || is_second) {
      context.hub.reply(outlet, ws::frame(ws::Opcode::kPing, {}));
    } else {
      send(pusher::ping());
    }
  }
  if (phase == Phase::kOpen) schedule();
}

void Session::schedule() {
  const std::uint32_t tick = now();
  if (phase == Phase::kOpening) return context.sessions.deadline(*this, kOpeningSeconds);
  const Options& options = context.options;
  std::uint32_t due = ping_sent_ != 0 ? ping_sent_ + seconds(options.pong_timeout)
                                      : last_seen_ + seconds(options.activity_timeout);
  if (options.idle_timeout.count() != 0) {
    due = std::min(due, last_seen_ + seconds(options.idle_timeout));
  }
  if (options.max_duration.count() != 0) {
    due = std::min(due, opened_ + seconds(options.max_duration));
  }
  if (!is_echo && app->options.enable_user_authentication && !is_authorized &&
      options.user_authentication_timeout.count() != 0) {
    due = std::min(due, opened_ + seconds(options.user_authentication_timeout));
  }
  context.sessions.deadline(*this, due > tick ? due - tick : 1);
}

}  // namespace mr::session
