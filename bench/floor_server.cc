// The floor of the benchmarks: what a broadcast costs when nothing is done but moving bytes.
//
// floor_server PORT [--pin CPU]: one thread, one epoll, one port. An upgrade of any path
// makes a subscriber, whose bytes are thrown away. POST /publish sends its body as one text frame
// to all of them and answers {}. GET /stats answers the counters. Frames published within one turn
// of the loop go out together, with one writev per socket.

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr std::size_t kReadBytes = 256 * 1024;
constexpr std::size_t kBacklogBytesMax = 64 << 20;  // then the subscriber is dropped
constexpr std::size_t kIovecsMax = 512;

struct Connection {
  int fd = -1;
  bool subscribed = false;
  bool wants_write = false;  // EPOLLOUT is on
  bool dead = false;
  std::string in;   // of a request that is not complete
  std::string out;  // what the socket did not take
};

// SHA-1 (FIPS 180-4), for the accept value only.
std::array<std::uint32_t, 5> sha1(std::string text) {
  std::array<std::uint32_t, 5> h = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
  const std::uint64_t bits = text.size() * 8;
  text.push_back('\x80');
  while (text.size() % 64 != 56) text.push_back('\0');
  for (int i = 7; i >= 0; --i) text.push_back(static_cast<char>(bits >> (8 * i) & 0xFF));
  for (std::size_t at = 0; at < text.size(); at += 64) {
    std::array<std::uint32_t, 80> w{};
    for (std::size_t i = 0; i < 64; ++i) {
      w[i / 4] = w[i / 4] << 8 | static_cast<unsigned char>(text[at + i]);
    }
    for (std::size_t i = 16; i < 80; ++i) {
      w[i] = std::rotl(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    }
    auto [a, b, c, d, e] = h;
    for (std::size_t i = 0; i < 80; ++i) {
      const std::uint32_t mixed = i < 20   ? ((b & c) | (~b & d)) + 0x5A827999
                                  : i < 40 ? (b ^ c ^ d) + 0x6ED9EBA1
                                  : i < 60 ? ((b & c) | (b & d) | (c & d)) + 0x8F1BBCDC
                                           : (b ^ c ^ d) + 0xCA62C1D6;
      const std::uint32_t next = std::rotl(a, 5) + mixed + e + w[i];
      e = d, d = c, c = std::rotl(b, 30), b = a, a = next;
    }
    h[0] += a, h[1] += b, h[2] += c, h[3] += d, h[4] += e;
  }
  return h;
}

// RFC 6455 4.2.2: base64 of 160 bits, which leaves one '='.
std::string accept_value(std::string_view key) {
  constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const auto digest = sha1(std::string(key) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
  std::string out;
  for (std::size_t bit = 0; bit < 160; bit += 6) {
    const std::uint64_t high = digest[bit / 32];
    const std::uint64_t low = bit / 32 < 4 ? digest[bit / 32 + 1] : 0;
    out.push_back(kDigits[(high << 32 | low) >> (58 - bit % 32) & 63]);
  }
  return out + "=";
}

std::string text_frame(std::string_view body) {
  std::string out = "\x81";
  const std::size_t n = body.size();
  const int extra = n < 126 ? 0 : n <= 0xFFFF ? 2 : 8;
  out.push_back(static_cast<char>(extra == 0 ? n : extra == 2 ? 126 : 127));
  for (int i = extra - 1; i >= 0; --i) out.push_back(static_cast<char>(n >> (8 * i) & 0xFF));
  return out.append(body);
}

// The value of a header ("\r\nname:" in lower case) in the head of a request.
std::string_view header(std::string_view head, std::string_view name) {
  const auto same = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; };
  const auto at = std::search(head.begin(), head.end(), name.begin(), name.end(), same);
  if (at == head.end()) return {};
  std::string_view value = head.substr(static_cast<std::size_t>(at - head.begin()) + name.size());
  value = value.substr(0, value.find("\r\n"));
  value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
  return value;
}

class Server {
 public:
  explicit Server(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int on = 1;
    ::setsockopt(listener_.fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (::bind(listener_.fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0 ||
        ::listen(listener_.fd, 4096) != 0) {
      std::perror("floor_server: cannot listen; is the port taken?");
      std::exit(1);
    }
    watch(EPOLL_CTL_ADD, listener_);
  }

  void run() {
    std::array<epoll_event, 1024> events;
    while (true) {
      const int n = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
      for (int i = 0; i < n; ++i) {
        const epoll_event& event = events[static_cast<std::size_t>(i)];
        auto& c = *static_cast<Connection*>(event.data.ptr);
        if (&c == &listener_) accept_all();
        if (event.events & EPOLLOUT) flush(c);
        if (&c != &listener_ && (event.events & ~std::uint32_t{EPOLLOUT})) read(c);
      }
      broadcast();
      bury();
    }
  }

 private:
  void watch(int operation, Connection& c) {
    epoll_event event{};
    event.events = c.wants_write ? EPOLLIN | EPOLLOUT : EPOLLIN;
    event.data.ptr = &c;
    ::epoll_ctl(epoll_, operation, c.fd, &event);
  }

  void accept_all() {
    int fd = -1;
    while ((fd = ::accept4(listener_.fd, nullptr, nullptr, SOCK_NONBLOCK)) >= 0) {
      const int on = 1;
      ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
      auto* c = new Connection;  // freed in bury()
      c->fd = fd;
      watch(EPOLL_CTL_ADD, *c);
    }
  }

  void read(Connection& c) {
    if (c.dead) return;
    const ssize_t n = ::read(c.fd, buffer_.data(), buffer_.size());
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) return drop(c);
    if (c.subscribed) return;
    c.in.append(buffer_.data(), static_cast<std::size_t>(n));
    while (!c.subscribed && take_request(c)) {
    }
    if (!c.out.empty()) flush(c);
  }

  bool take_request(Connection& c) {
    const std::size_t end = c.in.find("\r\n\r\n");
    if (end == std::string::npos) return false;
    const std::string_view head = std::string_view(c.in).substr(0, end + 2);
    const std::string length(header(head, "\r\ncontent-length:"));
    const std::size_t body_bytes = std::strtoul(length.c_str(), nullptr, 10);
    if (c.in.size() < end + 4 + body_bytes) return false;
    const std::string_view key = header(head, "\r\nsec-websocket-key:");
    if (!key.empty()) {
      c.out += "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
      c.out += "Sec-WebSocket-Accept: " + accept_value(key) + "\r\n\r\n";
      c.subscribed = true;
      c.in = {};
      subscribers_.push_back(&c);
      return false;
    }
    const std::string body = head.starts_with("GET /stats ") ? stats() : "{}";
    if (head.starts_with("POST /publish ")) {
      turn_.push_back(text_frame(std::string_view(c.in).substr(end + 4, body_bytes)));
    }
    c.out += "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ";
    c.out += std::to_string(body.size()) + "\r\n\r\n" + body;
    c.in.erase(0, end + 4 + body_bytes);
    return true;
  }

  void broadcast() {
    for (std::size_t at = 0; at < turn_.size(); at += kIovecsMax) {
      std::vector<iovec> frames;
      std::size_t bytes = 0;
      for (std::size_t i = at; i < std::min(at + kIovecsMax, turn_.size()); ++i) {
        frames.push_back({turn_[i].data(), turn_[i].size()});
        bytes += turn_[i].size();
      }
      for (Connection* c : subscribers_) write_frames(*c, frames, bytes);
    }
    turn_.clear();
  }

  void write_frames(Connection& c, const std::vector<iovec>& frames, std::size_t bytes) {
    if (c.dead) return;
    frames_ += frames.size();
    ssize_t n = 0;
    if (c.out.empty()) {
      ++writes_;
      n = ::writev(c.fd, frames.data(), static_cast<int>(frames.size()));
      if (n < 0 && errno != EAGAIN) return drop(c);
    }
    std::size_t taken = n > 0 ? static_cast<std::size_t>(n) : 0;
    if (taken == bytes) return;
    for (const iovec& frame : frames) {
      const std::size_t skip = std::min(taken, frame.iov_len);
      taken -= skip;
      c.out.append(static_cast<const char*>(frame.iov_base) + skip, frame.iov_len - skip);
    }
    if (c.out.size() > kBacklogBytesMax) return drop(c);
    set_wants_write(c, true);
  }

  void flush(Connection& c) {
    if (c.dead) return;
    const ssize_t n = ::write(c.fd, c.out.data(), c.out.size());
    if (c.subscribed) ++writes_;
    if (n < 0 && errno != EAGAIN) return drop(c);
    c.out.erase(0, n > 0 ? static_cast<std::size_t>(n) : 0);
    if (c.out.empty()) c.out = {};
    set_wants_write(c, !c.out.empty());
  }

  void set_wants_write(Connection& c, bool on) {
    if (c.wants_write == on) return;
    c.wants_write = on;
    watch(EPOLL_CTL_MOD, c);
  }

  void drop(Connection& c) {
    c.dead = true;
    dead_.push_back(&c);
  }

  // At the end of a turn: no event of it points to the connections any more.
  void bury() {
    if (dead_.empty()) return;
    std::erase_if(subscribers_, [](const Connection* c) { return c->dead; });
    for (Connection* c : dead_) {
      ::close(c->fd);
      delete c;
    }
    dead_.clear();
  }

  std::string stats() const {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    const auto micros = [](const timeval& t) { return t.tv_sec * 1'000'000 + t.tv_usec; };
    return "{\"frames\":" + std::to_string(frames_) + ",\"writes\":" + std::to_string(writes_) +
           ",\"cpu_us\":" + std::to_string(micros(usage.ru_utime) + micros(usage.ru_stime)) +
           ",\"subscribers\":" + std::to_string(subscribers_.size()) + "}";
  }

  int epoll_ = ::epoll_create1(0);
  Connection listener_{
      .fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), .in = {}, .out = {}};
  std::vector<Connection*> subscribers_;
  std::vector<Connection*> dead_;
  std::vector<std::string> turn_;  // frames published in this turn
  std::vector<char> buffer_ = std::vector<char>(kReadBytes);
  std::uint64_t frames_ = 0;  // handed to sockets
  std::uint64_t writes_ = 0;  // system calls for them
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: floor_server PORT [--pin CPU]\n");
    return 2;
  }
  if (argc > 3 && std::string_view(argv[2]) == "--pin") {
    cpu_set_t cpus{};
    CPU_SET(std::strtoul(argv[3], nullptr, 10), &cpus);
    if (::sched_setaffinity(0, sizeof(cpus), &cpus) != 0) std::perror("floor_server: --pin");
  }
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  std::signal(SIGPIPE, SIG_IGN);
  Server(static_cast<std::uint16_t>(std::strtoul(argv[1], nullptr, 10))).run();
}
