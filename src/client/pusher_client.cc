#include "client/pusher_client.h"

#include <utility>

#include "crypto/encoding.h"
#include "crypto/hmac.h"
#include "http/parser.h"
#include "json/parser.h"
#include "json/writer.h"
#include "model/app.h"
#include "model/socket_id.h"
#include "pusher/auth.h"
#include "ws/frame.h"
#include "ws/handshake.h"
#include "ws/receiver.h"

namespace mr::client {
namespace {

std::string text_of(const std::optional<json::Value>& value) {
  if (!value) return {};
  if (const auto text = value->as_string()) return std::string(*text);
  return std::string(value->raw());
}

std::string event_frame(std::string_view event, base::Function<void(json::Writer&)> data) {
  std::string frame;
  json::Writer writer(frame);
  writer.begin_object();
  writer.key("event");
  writer.string(event);
  writer.key("data");
  writer.begin_object();
  data(writer);
  writer.end_object();
  writer.end_object();
  return frame;
}

bool needs_auth(std::string_view channel) {
  return channel.starts_with("private-") || channel.starts_with("presence-");
}

}  // namespace

class PusherClient::Connection final : public net::SocketEvents, public ws::Sink {
 public:
  Connection(net::Loop& loop, PusherOptions options, PusherCallbacks callbacks)
      : loop_(loop),
        options_(std::move(options)),
        callbacks_(std::move(callbacks)),
        parser_(options_.message_bytes_max),
        app_(base::make_ref<model::App>(app_options())),
        hmac_(options_.secret),
        receiver_(ws::Role::kClient, {options_.message_bytes_max}) {
    if (options_.delta) reader_.emplace(DeltaReader::Limits{options_.message_bytes_max});
  }
  ~Connection() override {
    *alive_ = false;
    drop_socket();
  }

  void connect();
  void subscribe(std::string_view channel, std::optional<std::string> channel_data,
                 std::string_view filter);
  DeltaReader::Counts delta_counts() const {
    return reader_ ? reader_->counts() : DeltaReader::Counts{};
  }
  void sign_in(const std::string& user_data);
  void send_text(std::string_view text) { send_frame(ws::Opcode::kText, text); }
  void close();
  void leave(const std::string& channel) {
    if (reader_) reader_->leave(channel);
  }
  bool is_connected() const { return !socket_id_.empty() && !is_over(); }
  std::string_view socket_id() const { return socket_id_; }

 private:
  model::AppOptions app_options() const {
    model::AppOptions app;
    app.key = options_.key;
    app.secret = options_.secret;
    return app;
  }
  bool is_over() const { return socket_ == net::SocketHandle::kNone; }

  void on_ready(net::Ready ready) override;
  void read();
  void take_bytes(std::span<std::byte> bytes);
  std::optional<std::size_t> take_handshake(std::span<std::byte> bytes);
  void take_frame(std::string_view frame);
  void take_event(std::string_view frame);
  void ask_for_deltas();

  bool on_text(std::string_view message) override {
    take_frame(message);
    return !is_over();
  }
  bool on_binary(std::string_view) override { return true; }
  bool on_ping(std::string_view payload) override {
    send_frame(ws::Opcode::kPong, payload);
    return !is_over();
  }
  bool on_pong(std::string_view) override { return true; }
  void on_close(std::optional<std::uint16_t> code, std::string_view reason) override {
    end({code.value_or(0), std::string(reason)});
  }

  ws::MaskKey mask_key() {
    ws::MaskKey key{};
    loop_.random().fill(key);
    return key;
  }
  void send_frame(ws::Opcode opcode, std::string_view payload);
  void write(std::string_view bytes);
  void flush();
  void end(PusherClosed why);
  std::string loss_text() const;
  void drop_socket();

  net::Loop& loop_;
  const PusherOptions options_;
  PusherCallbacks callbacks_;
  json::Parser parser_;
  model::AppRef app_;
  crypto::HmacSha256 hmac_;
  ws::Receiver receiver_;
  std::optional<DeltaReader> reader_;
  std::unique_ptr<http::ResponseParser> handshake_;
  http::Options handshake_limits_;
  std::string ws_key_;
  std::string socket_id_;
  std::string out_;
  net::SocketHandle socket_ = net::SocketHandle::kNone;
  bool is_open_ = false;  // the TCP connection; a refused one looks like a closed one
  bool is_blocked_ = true;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

void PusherClient::Connection::connect() {
  auto socket = loop_.connect(options_.address, *this);
  if (!socket) {
    loop_.defer([this, alive = alive_, why = socket.error().detail] {
      if (*alive && callbacks_.on_closed) callbacks_.on_closed({0, why});
    });
    return;
  }
  socket_ = socket.value();
  handshake_ = std::make_unique<http::ResponseParser>(handshake_limits_);
  std::array<std::byte, 16> nonce{};
  loop_.random().fill(nonce);
  ws_key_ = crypto::base64_encode({reinterpret_cast<const char*>(nonce.data()), nonce.size()});
  const std::string host = options_.host.empty()
                               ? options_.address.host + ":" + std::to_string(options_.address.port)
                               : options_.host;
  out_ = ws::client_handshake(
      host, "/app/" + options_.key + "?protocol=7&client=millrace-cli&version=1.0", ws_key_);
}

void PusherClient::Connection::on_ready(net::Ready ready) {
  if (is_over()) return;
  if (ready.writable && !ready.hangup) is_open_ = true;
  if (ready.readable) read();
  if (is_over()) return;
  if (ready.hangup) return end({0, loss_text()});
  if (ready.writable) {
    is_blocked_ = false;
    flush();
  }
}

std::string PusherClient::Connection::loss_text() const {
  if (is_open_) return "the server closed the connection";
  return "cannot connect to " + options_.address.host + ":" +
         std::to_string(options_.address.port) + "; does it listen there?";
}

void PusherClient::Connection::read() {
  while (!is_over()) {
    const std::span<std::byte> buffer = loop_.read_buffer();
    const net::IoResult got = loop_.read(socket_, buffer);
    if (got.status == net::IoStatus::kBlocked) return;
    if (got.status == net::IoStatus::kClosed) return end({0, loss_text()});
    // Callbacks may read other sockets of the loop into its buffer.
    std::vector<std::byte> bytes(buffer.begin(),
                                 buffer.begin() + static_cast<std::ptrdiff_t>(got.bytes));
    take_bytes(bytes);
  }
}

void PusherClient::Connection::take_bytes(std::span<std::byte> bytes) {
  if (handshake_) {
    const auto used = take_handshake(bytes);
    if (!used) return;
    bytes = bytes.subspan(*used);
  }
  if (bytes.empty()) return;
  const ws::Status status = receiver_.consume(bytes, *this);
  if (status.state == ws::ReceiverState::kFailed) {
    end({0, "the server broke the WebSocket protocol"});
  }
}

// How much of the bytes belonged to the handshake; nothing: it goes on, or failed.
std::optional<std::size_t> PusherClient::Connection::take_handshake(std::span<std::byte> bytes) {
  const auto progress =
      handshake_->consume({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  if (!progress) {
    end({0, "the answer is not HTTP: " + progress.error().detail});
    return std::nullopt;
  }
  if (!progress.value().complete) return std::nullopt;
  const http::Response response = handshake_->take();
  handshake_.reset();
  if (response.status != 101) {
    end({0, "the upgrade was answered with " + std::to_string(response.status) + ": " +
                response.body});
    return std::nullopt;
  }
  const std::string* accept = response.header("sec-websocket-accept");
  if (accept == nullptr || !ws::check_accept(ws_key_, *accept)) {
    end({0, "the upgrade's Sec-WebSocket-Accept does not belong to our key"});
    return std::nullopt;
  }
  return progress.value().consumed;
}

void PusherClient::Connection::take_frame(std::string_view frame) {
  if (!reader_) return take_event(frame);
  const DeltaReader::Result read = reader_->take(frame);
  switch (read.outcome) {
    case DeltaReader::Outcome::kPlain:
      return take_event(frame);
    case DeltaReader::Outcome::kMessage:
      return take_event(read.text);
    case DeltaReader::Outcome::kConsumed:
      return;
    case DeltaReader::Outcome::kLost:
      break;
  }
  if (read.asks) {
    send_text(event_frame("pusher:delta_sync_error", [&read](json::Writer& writer) {
      writer.key("channel");
      writer.string(read.channel);
    }));
  }
  if (callbacks_.on_lost) callbacks_.on_lost(read.channel, read.why);
}

void PusherClient::Connection::ask_for_deltas() {
  send_text(event_frame("pusher:enable_delta_compression", [this](json::Writer& writer) {
    if (!options_.delta_algorithm.empty()) {
      writer.key("algorithms");
      writer.begin_array();
      writer.string(options_.delta_algorithm);
      writer.end_array();
    }
    writer.key("crc");
    writer.boolean(true);
  }));
}

void PusherClient::Connection::take_event(std::string_view frame) {
  PusherEvent event;
  event.raw = std::string(frame);
  {
    const auto parsed = parser_.parse(frame);
    if (!parsed) return end({0, "the server sent a frame that is not JSON"});
    event.event = text_of(parsed.value().member("event"));
    event.channel = text_of(parsed.value().member("channel"));
    event.data = text_of(parsed.value().member("data"));
  }
  if (event.event == "pusher:ping") return send_text("{\"event\":\"pusher:pong\",\"data\":{}}");
  if (event.event == "pusher:connection_established" && socket_id_.empty()) {
    const auto parsed = parser_.parse(event.data);
    if (parsed) socket_id_ = text_of(parsed.value().member("socket_id"));
    if (reader_) ask_for_deltas();
    if (callbacks_.on_connected) callbacks_.on_connected(socket_id_);
    if (is_over()) return;
  }
  if (callbacks_.on_event) callbacks_.on_event(event);
}

void PusherClient::Connection::subscribe(std::string_view channel,
                                         std::optional<std::string> channel_data,
                                         std::string_view filter) {
  std::string auth;
  const auto id = model::SocketId::parse(socket_id_);
  if (needs_auth(channel) && id) {
    pusher::ChannelClaim claim{{}, *id, channel, {}};
    if (channel_data) claim.channel_data = *channel_data;
    auth = pusher::channel_auth(*app_, hmac_, claim);
  }
  send_text(event_frame("pusher:subscribe", [&](json::Writer& writer) {
    writer.key("channel");
    writer.string(channel);
    if (!auth.empty()) {
      writer.key("auth");
      writer.string(auth);
    }
    if (channel_data) {
      writer.key("channel_data");
      writer.string(*channel_data);
    }
    if (!filter.empty()) {
      writer.key("filter");
      writer.raw(filter);
    }
  }));
}

void PusherClient::Connection::sign_in(const std::string& user_data) {
  const auto id = model::SocketId::parse(socket_id_);
  if (!id) return;
  const std::string auth = pusher::user_auth(*app_, hmac_, {{}, *id, user_data});
  send_text(event_frame("pusher:signin", [&](json::Writer& writer) {
    writer.key("auth");
    writer.string(auth);
    writer.key("user_data");
    writer.string(user_data);
  }));
}

void PusherClient::Connection::close() {
  if (is_over()) return;
  // Before the handshake is answered the stream is not one of frames yet.
  if (!handshake_) write(ws::masked_close_frame(1000, {}, mask_key()));
  drop_socket();
}

void PusherClient::Connection::send_frame(ws::Opcode opcode, std::string_view payload) {
  write(ws::masked_frame(opcode, payload, mask_key()));
}

void PusherClient::Connection::write(std::string_view bytes) {
  if (is_over()) return;
  out_ += bytes;
  flush();
}

void PusherClient::Connection::flush() {
  std::size_t at = 0;
  while (at < out_.size() && !is_blocked_) {
    const iovec part{out_.data() + at, out_.size() - at};
    const net::IoResult put = loop_.write(socket_, std::span(&part, 1));
    // The end is read in its turn: a close frame may still wait before it.
    if (put.status != net::IoStatus::kOk) is_blocked_ = true;
    at += put.bytes;
  }
  out_.erase(0, at);
}

void PusherClient::Connection::end(PusherClosed why) {
  if (is_over()) return;
  if (why.code != 0) write(ws::masked_close_frame(why.code, {}, mask_key()));
  drop_socket();
  if (callbacks_.on_closed) callbacks_.on_closed(why);
}

void PusherClient::Connection::drop_socket() {
  if (is_over()) return;
  loop_.close(std::exchange(socket_, net::SocketHandle::kNone));
}

PusherClient::PusherClient(net::Loop& loop, PusherOptions options, PusherCallbacks callbacks)
    : connection_(std::make_unique<Connection>(loop, std::move(options), std::move(callbacks))) {}
PusherClient::~PusherClient() = default;

void PusherClient::connect() { connection_->connect(); }
bool PusherClient::is_connected() const { return connection_->is_connected(); }
std::string_view PusherClient::socket_id() const { return connection_->socket_id(); }

void PusherClient::subscribe(std::string_view channel, std::optional<std::string> channel_data,
                             std::string_view filter) {
  connection_->subscribe(channel, std::move(channel_data), filter);
}

DeltaReader::Counts PusherClient::delta_counts() const { return connection_->delta_counts(); }

void PusherClient::unsubscribe(std::string_view channel) {
  connection_->leave(std::string(channel));
  connection_->send_text(event_frame("pusher:unsubscribe", [channel](json::Writer& writer) {
    writer.key("channel");
    writer.string(channel);
  }));
}

void PusherClient::sign_in(const std::string& user_data) { connection_->sign_in(user_data); }

void PusherClient::trigger(std::string_view channel, std::string_view event,
                           std::string_view data_json) {
  std::string frame;
  json::Writer writer(frame);
  writer.begin_object();
  writer.key("event");
  writer.string(event);
  writer.key("channel");
  writer.string(channel);
  writer.key("data");
  writer.raw(data_json);
  writer.end_object();
  connection_->send_text(frame);
}

void PusherClient::send(std::string_view frame) { connection_->send_text(frame); }
void PusherClient::close() { connection_->close(); }

}  // namespace mr::client
