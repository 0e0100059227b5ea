#include "cli/bench_subscribers.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "net/address.h"

namespace mr::cli {
namespace {

constexpr std::uint64_t kConnectionsPerSource = 8000;
constexpr std::uint64_t kFrameBytesMax = 16 << 20;

// A client frame with a zero mask: legal, and its payload needs no pass.
std::string client_frame(std::uint8_t opcode, std::string_view payload) {
  std::string frame(1, static_cast<char>(0x80 | opcode));
  if (payload.size() < 126) {
    frame.push_back(static_cast<char>(0x80 | payload.size()));
  } else {
    frame.push_back(static_cast<char>(0x80 | 126));
    frame.push_back(static_cast<char>(payload.size() >> 8));
    frame.push_back(static_cast<char>(payload.size() & 0xff));
  }
  frame.append(4, '\0');
  frame += payload;
  return frame;
}

std::uint64_t byte_at(std::string_view bytes, std::size_t at) {
  return static_cast<unsigned char>(bytes[at]);
}

struct Frame {
  std::uint8_t opcode = 0;
  std::size_t header = 0;
  std::uint64_t payload = 0;  // bytes
};

// False: more bytes are needed.
bool read_frame(std::string_view bytes, Frame& frame) {
  if (bytes.size() < 2) return false;
  frame.opcode = static_cast<std::uint8_t>(byte_at(bytes, 0) & 15);
  frame.payload = byte_at(bytes, 1) & 127;
  frame.header = 2;
  const std::size_t extended = frame.payload == 126 ? 2 : frame.payload == 127 ? 8 : 0;
  if (extended > 0) {
    if (bytes.size() < 2 + extended) return false;
    frame.payload = 0;
    for (std::size_t i = 0; i < extended; ++i) {
      frame.payload = frame.payload << 8 | byte_at(bytes, 2 + i);
    }
    frame.header += extended;
  }
  return frame.payload <= kFrameBytesMax && bytes.size() - frame.header >= frame.payload;
}

}  // namespace

std::uint64_t listeners_of(std::uint64_t channel, const SubscribersOptions& options) {
  const std::uint64_t channels = options.channels;
  std::uint64_t sum = 0;
  for (std::uint64_t i = 0; i < options.subscriptions; ++i) {
    // Connections whose i-th channel it is.
    const std::uint64_t begin = (channel + channels - i % channels) % channels;
    const auto below = [channels, begin](std::uint64_t end) {
      return end / channels + (end % channels > begin ? 1 : 0);
    };
    sum += below(options.first + options.count) - below(options.first);
  }
  return sum;
}

// One bare connection. Keeps bytes only while a frame is incomplete.
class BenchSubscriber final : public net::SocketEvents {
 public:
  BenchSubscriber(Subscribers& all, std::uint64_t number)
      : all_(all), number_(number), node_(all.node_of(number)), next_(all.options_.subscriptions) {}

  void open(net::SocketHandle socket) {
    socket_ = socket;
    all_.loop_.watch(socket, *this);
  }
  bool is_beside_publisher(std::uint64_t number) const {
    return entry_node(number % all_.options_.channels, all_.options_.addresses.size()) == node_;
  }
  // The next number that the channel of this one will carry here.
  std::uint64_t& next_after(std::uint64_t number) {
    const std::uint64_t channels = all_.options_.channels;
    return next_[(number % channels + channels - number_ % channels) % channels];
  }
  // What the channel numbered the message of this one's key that came before it; 0: none did.
  std::uint32_t& held_before(std::uint64_t number, bool is_keyed) {
    const std::uint64_t channels = all_.options_.channels;
    const std::uint64_t keys = std::max(all_.options_.keys, 1U);
    const std::uint64_t place = (number % channels + channels - number_ % channels) % channels;
    const std::uint64_t index = place * keys + (is_keyed ? number / channels % keys : 0);
    if (held_.size() <= index) held_.resize(index + 1);
    return held_[index];
  }
  // What is no message of ours.
  void take_reply(std::string_view payload) {
    constexpr std::uint8_t kText = 1;
    const std::string_view head = payload.substr(0, 128);
    const auto is = [head](std::string_view name) {
      return head.find(name) != std::string_view::npos;
    };
    if (is("pusher:ping")) {
      write(client_frame(kText, R"({"event":"pusher:pong","data":{}})"));
    } else if (is("pusher:connection_established")) {
      if (all_.options_.delta) write(client_frame(kText, all_.delta_text()));
      for (std::uint64_t i = 0; i < all_.options_.subscriptions; ++i) {
        const std::uint64_t channel = (number_ + i) % all_.options_.channels;
        write(client_frame(kText, all_.subscribe_text(channel, payload)));
      }
    } else if (is("subscription_succeeded")) {
      subscribed();
    } else if (is("pusher:error") || is("subscription_error")) {
      fail(payload);
    } else if (all_.options_.delta && is("delta_compression_enabled")) {
      all_.decoder_.read(payload);
    }
  }
  void close() {
    if (socket_ != net::SocketHandle::kNone) all_.loop_.close(socket_);
    socket_ = net::SocketHandle::kNone;
  }

 private:
  enum class State : std::uint8_t { kConnecting, kUpgrading, kSubscribing, kSubscribed };

  void on_ready(net::Ready ready) override {
    if (socket_ == net::SocketHandle::kNone) return;
    if (ready.hangup && state_ == State::kConnecting) {
      return fail("cannot connect to " + net::to_text(all_.options_.addresses[node_]) +
                  "; the connection was refused or reset, does it listen there?");
    }
    if (ready.readable) read();
    if (socket_ == net::SocketHandle::kNone) return;
    if (ready.hangup) return fail("the connection was reset");
    if (ready.writable && state_ == State::kConnecting) {
      state_ = State::kUpgrading;
      const auto& options = all_.options_;
      write("GET /app/" + options.key + "?protocol=7 HTTP/1.1\r\nHost: " + options.host +
            "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
    }
  }

  void read() {
    while (socket_ != net::SocketHandle::kNone) {
      const auto buffer = all_.loop_.read_buffer();
      const net::IoResult got = all_.loop_.read(socket_, buffer);
      if (got.status == net::IoStatus::kBlocked) return;
      if (got.status == net::IoStatus::kClosed) return fail("the server closed the connection");
      std::string_view bytes(reinterpret_cast<const char*>(buffer.data()), got.bytes);
      if (!partial_.empty()) {
        partial_ += bytes;
        bytes = partial_;
      }
      const std::size_t used = take(bytes);
      if (socket_ == net::SocketHandle::kNone) return;
      std::string rest(bytes.substr(used));
      partial_ = std::move(rest);
      // A short read emptied the socket; the next edge reports what comes.
      if (got.bytes < buffer.size()) return;
    }
  }

  std::size_t take(std::string_view bytes) {
    std::size_t used = 0;
    if (state_ == State::kUpgrading) {
      const std::size_t end = bytes.find("\r\n\r\n");
      if (end == std::string_view::npos) return 0;
      if (bytes.substr(0, 13) != "HTTP/1.1 101 ") {
        fail("the upgrade was answered with '" + std::string(bytes.substr(0, bytes.find('\r'))) +
             "'");
        return 0;
      }
      used = end + 4;
      state_ = State::kSubscribing;
      if (all_.options_.floor) subscribed();
    }
    Frame frame;
    while (read_frame(bytes.substr(used), frame)) {
      take_frame(frame.opcode, bytes.substr(used + frame.header, frame.payload));
      if (socket_ == net::SocketHandle::kNone) return 0;
      used += frame.header + frame.payload;
    }
    return used;
  }

  void take_frame(std::uint8_t opcode, std::string_view payload) {
    constexpr std::uint8_t kText = 1, kClose = 8, kPing = 9;
    if (opcode == kClose) return fail("the server sent a close frame");
    if (opcode == kPing) return write(client_frame(10, payload));
    if (opcode != kText) return;
    if (all_.options_.delta && state_ == State::kSubscribed) return all_.on_frame(*this, payload);
    if (const auto mark = BenchMark::find(payload)) return all_.on_message(*this, *mark);
    take_reply(payload);
  }

  void subscribed() {
    if (state_ == State::kSubscribed || ++subscribed_ < all_.options_.subscriptions) return;
    state_ = State::kSubscribed;
    all_.on_subscribed();
  }

  // Requests and control frames are small: a socket that cannot take one is as good as gone.
  void write(std::string bytes) {
    const iovec part{bytes.data(), bytes.size()};
    const net::IoResult put = all_.loop_.write(socket_, std::span(&part, 1));
    if (put.bytes != bytes.size()) fail("the server does not read");
  }

  void fail(std::string_view why) {
    const std::string text(why);
    close();
    all_.on_failed(state_ == State::kSubscribed, text);
  }

  Subscribers& all_;
  const std::uint64_t number_;
  const std::size_t node_;
  net::SocketHandle socket_ = net::SocketHandle::kNone;
  State state_ = State::kConnecting;
  std::uint32_t subscribed_ = 0;
  std::vector<std::uint64_t> next_;  // by place of the channel among ours
  std::vector<std::uint32_t> held_;
  std::string partial_;
};

Subscribers::Subscribers(net::EpollLoop& loop, SubscribersOptions options, Complete on_complete)
    : loop_(loop),
      options_(std::move(options)),
      on_complete_(std::move(on_complete)),
      progress_(kInFlightMax) {
  if (!options_.secret.empty()) hmac_.emplace(options_.secret);
  listeners_.reserve(options_.channels);
  for (std::uint64_t channel = 0; channel < options_.channels; ++channel) {
    listeners_.push_back(static_cast<std::uint32_t>(listeners_of(channel, options_)));
  }
}

Subscribers::~Subscribers() {
  for (const auto& subscriber : subscribers_) subscriber->close();
}

void Subscribers::on_frame(BenchSubscriber& subscriber, std::string_view frame) {
  // A start of one connection says nothing of what the others hold.
  if (frame.substr(0, 64).find("delta_cache_sync") != std::string_view::npos) return;
  const auto message = decoder_.read(frame);
  if (!message) {
    if (decoder_.error().empty()) return subscriber.take_reply(frame);
    if (first_error_.empty()) first_error_ = decoder_.error();
    ++counts_.undecodable;
    return;
  }
  std::uint32_t& held = subscriber.held_before(message->mark.number, message->is_keyed);
  if (message->base != 0) {
    ++counts_.deltas;
    if (held != message->base) {
      ++counts_.undecodable;
      return;
    }
  }
  if (message->number != 0) held = static_cast<std::uint32_t>(message->number);
  on_message(subscriber, message->mark);
}

std::string Subscribers::delta_text() const {
  const std::string algorithms =
      options_.algorithm.empty() ? "" : R"("algorithms":[")" + options_.algorithm + R"("],)";
  return R"({"event":"pusher:enable_delta_compression","data":{)" + algorithms + R"("crc":true}})";
}

// `established`: the server's first message, which names the socket that a signature is for.
std::string Subscribers::subscribe_text(std::uint64_t channel, std::string_view established) {
  const std::string name = bench_channel(channel, hmac_.has_value());
  std::string text = R"({"event":"pusher:subscribe","data":{"channel":")" + name + '"';
  if (hmac_) {
    constexpr std::string_view kBefore = R"(socket_id\":\")";
    const std::size_t at = established.find(kBefore);
    std::string_view id = established.substr(at == std::string_view::npos ? 0 : at);
    id = id.substr(kBefore.size(), id.find('\\', kBefore.size()) - kBefore.size());
    text += R"(,"auth":")" + options_.key + ":" + hmac_->sign_hex({id, ":", name}) + '"';
  }
  return text + "}}";
}

void Subscribers::start() { open_more(); }

void Subscribers::open_more() {
  while (opening_ < options_.window && subscribers_.size() < options_.count) {
    const std::uint64_t number = options_.first + subscribers_.size();
    subscribers_.push_back(std::make_unique<BenchSubscriber>(*this, number));
    ++opening_;
    std::string error;
    const int descriptor = open_socket(number, error);
    if (descriptor < 0) {
      on_failed(false, error);
    } else {
      subscribers_.back()->open(loop_.adopt(descriptor));
    }
  }
}

int Subscribers::open_socket(std::uint64_t number, std::string& error) const {
  const net::Address& address = options_.addresses[node_of(number)];
  const auto to = net::to_socket_address(address);
  if (!to) {
    error = to.error().detail;
    return -1;
  }
  const auto* target = to.value().raw();
  const int descriptor = ::socket(target->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const auto failed = [&](const char* what) {
    error = std::string(what) + ": " + std::strerror(errno);
    if (descriptor >= 0) ::close(descriptor);
    return -1;
  };
  if (descriptor < 0) return failed("socket");
  const int on = 1;
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  // One source address has some 28,000 ports to one target.
  if (address.host.starts_with("127.")) {
    sockaddr_in from{};
    from.sin_family = AF_INET;
    const auto place = static_cast<std::uint32_t>(number / kConnectionsPerSource);
    from.sin_addr.s_addr = htonl((127U << 24) + 1 + place);
    ::setsockopt(descriptor, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
    if (::bind(descriptor, reinterpret_cast<const sockaddr*>(&from), sizeof(from)) != 0) {
      return failed("bind");
    }
  }
  if (::connect(descriptor, target, to.value().length) != 0 && errno != EINPROGRESS) {
    return failed("connect");
  }
  return descriptor;
}

void Subscribers::on_subscribed() {
  ++counts_.connected;
  --opening_;
  open_more();
}

void Subscribers::on_failed(bool was_subscribed, std::string_view why) {
  if (first_error_.empty()) first_error_ = std::string(why);
  ++counts_.failed;
  if (was_subscribed) {
    --counts_.connected;
    return;
  }
  --opening_;
  // Not at once: a server that refuses all would be asked in one breath.
  loop_.after(std::chrono::milliseconds(1), [this] { open_more(); });
}

void Subscribers::on_message(BenchSubscriber& subscriber, const BenchMark& mark) {
  std::uint64_t& next = subscriber.next_after(mark.number);
  if (mark.number < next) {
    ++counts_.duplicates;
    return;
  }
  next = mark.number + options_.channels;
  const std::uint64_t now = monotonic_ns();
  counts_.last_ns = now;
  ++counts_.delivered;
  if (mark.is_measured) {
    ++counts_.measured;
    LatencyHistogram& latency =
        subscriber.is_beside_publisher(mark.number) ? latency_.local : latency_.remote;
    latency.record(now > mark.sent_ns ? now - mark.sent_ns : 0);
  }
  Progress& progress = progress_[mark.number % kInFlightMax];
  if (progress.number != mark.number) progress = {mark.number, 0};
  if (++progress.got == listeners_[mark.number % options_.channels]) on_complete_(mark.number);
}

}  // namespace mr::cli
