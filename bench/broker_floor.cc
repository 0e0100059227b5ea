// What a broker itself costs: from a publish on one connection to the subscriber on another.
//
// broker_floor redis|nats PORT RATE SECONDS SIZE: publishes so many payloads a second on a subject
// of its own, each with the time when it was due, and prints the latencies in us as JSON. One
// thread that sleeps until something is due or has come, as `millrace bench` does.

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "cli/bench_types.h"

namespace {

using mr::cli::BenchMark;

constexpr std::string_view kSubject = "millrace-bench-floor";

[[noreturn]] void fail(const char* what) {
  std::perror(what);
  std::exit(1);
}

class Connection {
 public:
  explicit Connection(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int on = 1;
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (::connect(socket_, reinterpret_cast<const sockaddr*>(&to), sizeof(to)) != 0) {
      fail("connect");
    }
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() { ::close(socket_); }

  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t put = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (put < 0) fail("send");
      bytes.remove_prefix(static_cast<std::size_t>(put));
    }
  }
  // What has come behind what came before; waits for `text`.
  void expect(std::string_view text) {
    std::string all;
    while (all.find(text) == std::string::npos) {
      const std::string_view more = read(0);
      if (more.empty()) fail("the broker closed the connection");
      all += more;
    }
  }
  int socket() const { return socket_; }
  std::string_view read(int flags) {
    const ssize_t got = ::recv(socket_, buffer_.data(), buffer_.size(), flags);
    if (got < 0 && errno != EAGAIN && errno != EINTR) fail("recv");
    return {buffer_.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0))};
  }

 private:
  int socket_;
  std::array<char, 1 << 16> buffer_{};
};

std::string publish_text(bool is_redis, const std::string& payload) {
  const std::string size = std::to_string(payload.size());
  const std::string subject(kSubject);
  if (!is_redis) return "PUB " + subject + " " + size + "\r\n" + payload + "\r\n";
  return "*3\r\n$7\r\nPUBLISH\r\n$" + std::to_string(subject.size()) + "\r\n" + subject + "\r\n$" +
         size + "\r\n" + payload + "\r\n";
}

// Until something can be read there, or this time.
void wait(int socket, std::uint64_t until_ns) {
  const std::uint64_t now = mr::cli::monotonic_ns();
  const std::uint64_t left = until_ns > now ? until_ns - now : 0;
  const timespec time{static_cast<time_t>(left / 1'000'000'000),
                      static_cast<long>(left % 1'000'000'000)};
  pollfd one{socket, POLLIN, 0};
  ::ppoll(&one, 1, &time, nullptr);
}

// Every mark in what was received, over the cuts of reads.
void take(std::string& received, mr::cli::LatencyHistogram& latency) {
  std::size_t at = 0;
  while ((at = received.find("mrb", at)) != std::string::npos &&
         received.size() - at >= BenchMark::kBytes) {
    const auto mark = BenchMark::find(std::string_view(received).substr(at, BenchMark::kBytes));
    if (mark) latency.record(mr::cli::monotonic_ns() - mark->sent_ns);
    at += BenchMark::kBytes;
  }
  received.erase(0, at == std::string::npos
                        ? received.size() - std::min<std::size_t>(2, received.size())
                        : at);
}

}  // namespace

int main(int count, char** words) {
  if (count != 6) {
    std::fprintf(stderr, "broker_floor redis|nats PORT RATE SECONDS SIZE\n");
    return 2;
  }
  const bool is_redis = std::string_view(words[1]) == "redis";
  const auto port = static_cast<std::uint16_t>(std::atoi(words[2]));
  const double interval = 1e9 / std::atof(words[3]);
  const auto total = static_cast<std::uint64_t>(std::atof(words[3]) * std::atof(words[4]));
  const auto size = static_cast<std::size_t>(std::atoi(words[5]));
  Connection publisher(port);
  Connection subscriber(port);
  const std::string subject(kSubject);
  if (is_redis) {
    subscriber.send("SUBSCRIBE " + subject + "\r\n");
    subscriber.expect(":1\r\n");
  } else {
    for (Connection* one : {&publisher, &subscriber}) {
      one->send("CONNECT {\"verbose\":false}\r\nPING\r\n");
      one->expect("PONG\r\n");
    }
    subscriber.send("SUB " + subject + " 1\r\nPING\r\n");
    subscriber.expect("PONG\r\n");
  }
  mr::cli::LatencyHistogram latency;
  std::string received;
  const std::uint64_t begin = mr::cli::monotonic_ns();
  const auto end =
      begin + static_cast<std::uint64_t>(interval * static_cast<double>(total)) + 2'000'000'000U;
  const auto next_due = [begin, interval](std::uint64_t number) {
    return begin + static_cast<std::uint64_t>(interval * static_cast<double>(number));
  };
  for (std::uint64_t sent = 0; latency.count() < total && mr::cli::monotonic_ns() < end;) {
    const std::uint64_t due = next_due(sent);
    if (sent < total && mr::cli::monotonic_ns() >= due) {
      std::string payload;
      BenchMark{true, sent++, due}.write(payload);
      payload.resize(std::max(payload.size(), size), 'x');
      publisher.send(publish_text(is_redis, payload));
    }
    wait(subscriber.socket(), sent < total ? next_due(sent) : end);
    received += subscriber.read(MSG_DONTWAIT);
    take(received, latency);
    publisher.read(MSG_DONTWAIT);
  }
  std::printf("{\"sent\":%llu,\"received\":%llu,\"p50\":%.1f,\"p95\":%.1f,\"p99\":%.1f}\n",
              static_cast<unsigned long long>(total),
              static_cast<unsigned long long>(latency.count()),
              static_cast<double>(latency.quantile(0.5)) / 1000,
              static_cast<double>(latency.quantile(0.95)) / 1000,
              static_cast<double>(latency.quantile(0.99)) / 1000);
  return latency.count() == total ? 0 : 1;
}
