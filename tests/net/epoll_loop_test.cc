#include "net/epoll_loop.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "loop_thread.h"
#include "net/address.h"

namespace mr::net {
namespace {

using namespace std::chrono_literals;
using test::LoopThread;

std::span<const iovec> one(const iovec& part) { return {&part, 1}; }
iovec part_of(const std::string& text) { return {const_cast<char*>(text.data()), text.size()}; }

// Sends back what it reads; keeps what the socket does not take.
class EchoServer final : public AcceptEvents {
 public:
  explicit EchoServer(Loop& loop) : loop_(loop) {}
  void on_accept(SocketHandle socket, const PeerAddress& peer) override {
    last_socket = socket;
    last_peer = peer;
    connections_.push_back(std::make_unique<Echo>(*this, socket));
    loop_.watch(socket, *connections_.back());
  }
  SocketHandle last_socket = SocketHandle::kNone;
  PeerAddress last_peer;
  int open = 0;

 private:
  class Echo final : public SocketEvents {
   public:
    Echo(EchoServer& server, SocketHandle socket) : server_(server), socket_(socket) {
      ++server_.open;
    }
    void on_ready(Ready ready) override {
      Loop& loop = server_.loop_;
      if (ready.readable) {
        for (;;) {
          const IoResult got = loop.read(socket_, loop.read_buffer());
          if (got.status == IoStatus::kBlocked) break;
          if (got.status == IoStatus::kClosed) {
            --server_.open;
            return loop.close(socket_);
          }
          out_.append(reinterpret_cast<const char*>(loop.read_buffer().data()), got.bytes);
        }
      }
      while (!out_.empty()) {
        const iovec part = part_of(out_);
        const IoResult put = loop.write(socket_, one(part));
        if (put.status != IoStatus::kOk) return;
        out_.erase(0, put.bytes);
      }
    }

   private:
    EchoServer& server_;
    SocketHandle socket_;
    std::string out_;
  };
  Loop& loop_;
  std::vector<std::unique_ptr<Echo>> connections_;
};

// Calls a function for each report.
class OnReady final : public SocketEvents {
 public:
  explicit OnReady(std::function<void(Ready)> call) : call_(std::move(call)) {}
  void on_ready(Ready ready) override { call_(ready); }

 private:
  std::function<void(Ready)> call_;
};

std::uint16_t listen_on(LoopThread& thread, AcceptEvents& events, const char* host) {
  std::uint16_t port = 0;
  thread.run([&] {
    auto listener = thread.loop().listen({.address = {host, 0}}, events);
    ASSERT_TRUE(listener.ok()) << listener.error().detail;
    port = thread.loop().listener_port(listener.value());
  });
  return port;
}

// A blocking socket of the test thread.
int connect_blocking(std::uint16_t port) {
  auto address = to_socket_address({"127.0.0.1", port}).value();
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::connect(fd, address.raw(), address.length) != 0) ADD_FAILURE() << "connect";
  return fd;
}

std::string read_exactly(int fd, std::size_t bytes) {
  std::string got(bytes, '\0');
  const ssize_t count = ::recv(fd, got.data(), bytes, MSG_WAITALL);
  got.resize(count < 0 ? 0 : static_cast<std::size_t>(count));
  return got;
}

class EchoOverTest : public testing::TestWithParam<const char*> {};

TEST_P(EchoOverTest, LargeAmountsComeBackInOrder) {
  LoopThread server;
  EchoServer echo(server.loop());
  const std::uint16_t port = listen_on(server, echo, GetParam());
  LoopThread client;
  std::string sent;
  for (int i = 0; sent.size() < 3'000'000; ++i) sent += std::to_string(i) + ",";
  std::string received;
  std::size_t offset = 0;
  std::promise<void> done;
  SocketHandle socket = SocketHandle::kNone;
  OnReady events([&](Ready ready) {
    Loop& loop = client.loop();
    while (ready.writable && offset < sent.size()) {
      const iovec part{sent.data() + offset, sent.size() - offset};
      const IoResult put = loop.write(socket, one(part));
      if (put.status != IoStatus::kOk) break;
      offset += put.bytes;
    }
    while (ready.readable) {
      const IoResult got = loop.read(socket, loop.read_buffer());
      if (got.status != IoStatus::kOk) break;
      received.append(reinterpret_cast<const char*>(loop.read_buffer().data()), got.bytes);
      if (received.size() == sent.size()) done.set_value();
    }
  });
  client.run([&] {
    auto connected = client.loop().connect({GetParam(), port}, events);
    ASSERT_TRUE(connected.ok()) << connected.error().detail;
    socket = connected.value();
  });
  done.get_future().wait();
  client.join();
  server.join();
  EXPECT_EQ(received, sent);
  EXPECT_TRUE(echo.last_peer.is_loopback());
  EXPECT_EQ(echo.last_peer.to_string(), GetParam());
  EXPECT_GE(server.loop().stats().bytes_written.value(), sent.size());
}

INSTANTIATE_TEST_SUITE_P(Families, EchoOverTest, testing::Values("127.0.0.1", "::1"),
                         [](const auto& family) { return family.index == 0 ? "V4" : "V6"; });

TEST(EpollLoopTest, AcceptedSocketsInheritTheOptions) {
  LoopThread server;
  EchoServer echo(server.loop());
  const int fd = connect_blocking(listen_on(server, echo, "127.0.0.1"));
  ASSERT_EQ(::send(fd, "x", 1, 0), 1);
  ASSERT_EQ(read_exactly(fd, 1), "x");
  server.run([&] {
    const auto option = [&](int name) {
      int value = 0;
      socklen_t size = sizeof value;
      getsockopt(static_cast<int>(echo.last_socket), IPPROTO_TCP, name, &value, &size);
      return value;
    };
    EXPECT_EQ(option(TCP_NODELAY), 1);
    EXPECT_EQ(option(TCP_NOTSENT_LOWAT), 16 * 1024);
    EXPECT_EQ(option(TCP_USER_TIMEOUT), 30'000);
    EXPECT_EQ(server.loop().unsent_bytes(echo.last_socket), 0U);
  });
  server.join();
  ::close(fd);
}

TEST(EpollLoopTest, ARefusedConnectIsReported) {
  EpollLoop loop;
  EchoServer unused(loop);
  auto listener = loop.listen({.address = {"127.0.0.1", 0}}, unused);
  const std::uint16_t free_port = loop.listener_port(listener.value());
  loop.close_listener(listener.value());
  bool hung_up = false;
  OnReady events([&](Ready ready) {
    hung_up = ready.hangup;
    loop.stop();
  });
  auto socket = loop.connect({"127.0.0.1", free_port}, events);
  if (!socket.ok()) return;  // the kernel may also say it at once
  loop.run();
  EXPECT_TRUE(hung_up);
}

TEST(EpollLoopTest, WatchReportsAgainToTheNewOwner) {
  LoopThread thread;
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
  ASSERT_EQ(::send(ends[1], "early", 5, 0), 5);
  std::promise<bool> first_saw;
  std::promise<bool> second_saw;
  const SocketHandle socket = thread.loop().adopt(ends[0]);
  OnReady second([&](Ready ready) { second_saw.set_value(ready.readable); });
  OnReady first([&](Ready ready) {
    first_saw.set_value(ready.readable);
    thread.loop().watch(socket, second);  // nothing was read
  });
  thread.run([&] { thread.loop().watch(socket, first); });
  EXPECT_TRUE(first_saw.get_future().get());
  EXPECT_TRUE(second_saw.get_future().get());
  thread.join();
  ::close(ends[1]);
}

TEST(EpollLoopTest, NoReportComesAfterCloseInTheSameBatch) {
  LoopThread thread;
  int a[2];
  int b[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, a), 0);
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, b), 0);
  Loop& loop = thread.loop();
  int reports = 0;
  int same_number = 0;
  std::promise<void> done;
  const auto close_both = [&](Ready) {
    ++reports;
    loop.close(static_cast<SocketHandle>(a[0]));
    loop.close(static_cast<SocketHandle>(b[0]));
    // A descriptor made now must not get a number whose events are still in the batch.
    const int fresh = ::dup(a[1]);
    if (fresh == a[0] || fresh == b[0]) ++same_number;
    ::close(fresh);
    loop.after(5ms, [&] { done.set_value(); });
  };
  OnReady on_a(close_both);
  OnReady on_b(close_both);
  thread.run([&] {
    loop.watch(static_cast<SocketHandle>(a[0]), on_a);
    loop.watch(static_cast<SocketHandle>(b[0]), on_b);
  });
  done.get_future().wait();
  EXPECT_EQ(reports, 1);
  EXPECT_EQ(same_number, 0);
  EXPECT_EQ(fcntl(a[0], F_GETFD), -1);  // really closed after the iteration
  thread.join();
  ::close(a[1]);
  ::close(b[1]);
}

TEST(EpollLoopTest, PostsOfEachThreadRunInOrderUnderLoad) {
  constexpr std::uint64_t kPosts = 50'000;
  LoopThread thread;
  Loop& loop = thread.loop();
  std::array<std::uint64_t, 4> next{};
  bool ordered = true;
  std::vector<std::thread> producers;
  for (std::size_t p = 0; p < next.size(); ++p) {
    producers.emplace_back([&, p] {
      for (std::uint64_t i = 0; i < kPosts; ++i) {
        loop.post([&, p, i] { ordered = ordered && loop.is_current() && next[p]++ == i; }, 16);
      }
    });
  }
  for (std::thread& producer : producers) producer.join();
  thread.run([] {});
  EXPECT_TRUE(ordered);
  for (const std::uint64_t count : next) EXPECT_EQ(count, kPosts);
  EXPECT_FALSE(loop.is_current());
  // Many posts, few wake-ups: fewer than one per post.
  EXPECT_LT(thread.loop().stats().wakeups.value(), next.size() * kPosts);
  EXPECT_EQ(loop.mailbox_bytes(), 0U);
}

TEST(EpollLoopTest, MailboxBytesCountUntilTheTaskRan) {
  EpollLoop loop;
  std::size_t inside = 0;
  loop.post([&] { inside = loop.mailbox_bytes(); }, 100);
  loop.post([&] { loop.stop(); }, 50);
  EXPECT_EQ(loop.mailbox_bytes(), 150U);
  loop.run();
  EXPECT_EQ(inside, 150U);
  EXPECT_EQ(loop.mailbox_bytes(), 0U);
}

TEST(EpollLoopTest, RunsAgainAfterAStop) {
  EpollLoop loop;
  int turns = 0;
  loop.stop();
  loop.run();
  for (int i = 0; i < 2; ++i) {
    loop.post([&] {
      ++turns;
      loop.stop();
    });
    loop.run();
  }
  EXPECT_EQ(turns, 2);
}

TEST(EpollLoopTest, TimersRunInTimeAndCancelledOnesDoNot) {
  EpollLoop loop;
  const base::TimePoint start = loop.clock().now();
  std::vector<int> ran;
  loop.after(20ms, [&] {
    ran.push_back(2);
    EXPECT_GE(loop.clock().now() - start, 20ms);
    loop.stop();
  });
  loop.after(5ms, [&] { ran.push_back(1); });
  const TimerId cancelled = loop.after(10ms, [&] { ran.push_back(9); });
  EXPECT_TRUE(loop.cancel(cancelled));
  loop.run();
  EXPECT_EQ(ran, (std::vector<int>{1, 2}));
}

class CountDown final : public IterationEnd {
 public:
  bool on_iteration_end() override { return --left > 0; }
  int left = 5;
};

TEST(EpollLoopTest, TheHookIsCalledAgainWhileWorkIsLeft) {
  EpollLoop loop;
  CountDown hook;
  loop.set_iteration_end(&hook);
  loop.after(10ms, [&] { loop.stop(); });
  loop.post([] {});
  loop.run();
  EXPECT_LE(hook.left, 0);
}

TEST(EpollLoopTest, DeferredTasksRunBeforeTheHookAndNestedOnesInTheNextIteration) {
  EpollLoop loop;
  CountDown hook;
  hook.left = 1;
  loop.set_iteration_end(&hook);
  int at_defer = -1;
  int at_nested = -1;
  loop.post([&] {
    loop.defer([&] {
      at_defer = hook.left;
      loop.defer([&] {
        at_nested = hook.left;
        loop.stop();
      });
    });
  });
  loop.run();
  EXPECT_EQ(at_defer, 1);
  EXPECT_EQ(at_nested, 0);
}

// In a child process, because the limit is the process's. Exit status 0: as promised.
int starve(LoopThread& server, EchoServer& echo) {
  const std::uint16_t port = listen_on(server, echo, "127.0.0.1");
  std::vector<int> clients;
  for (int i = 0; i < 8; ++i) clients.push_back(::socket(AF_INET, SOCK_STREAM, 0));
  // The next free number is the limit: nothing more can be opened.
  const int next = ::dup(0);
  ::close(next);
  const rlimit limit{static_cast<rlim_t>(next), 4096};
  setrlimit(RLIMIT_NOFILE, &limit);
  auto address = to_socket_address({"127.0.0.1", port}).value();
  for (const int fd : clients) {
    if (::connect(fd, address.raw(), address.length) != 0) return 2;
  }
  for (const int fd : clients) {
    char byte;
    if (::recv(fd, &byte, 1, 0) > 0) return 3;  // each learns that it was refused
  }
  const LoopStats& stats = server.loop().stats();
  const auto before = stats.wakeups.value();
  std::promise<void> later;
  server.loop().post([&] { server.loop().after(500ms, [&] { later.set_value(); }); });
  later.get_future().wait();
  if (stats.wakeups.value() - before > 15) return 4;  // it must not spin
  // Read late: a peer sees its end before the loop has counted it.
  if (stats.accept_errors[0].value() < clients.size() || stats.accept_pauses.value() == 0) return 5;
  const rlimit more{static_cast<rlim_t>(next + 20), 4096};
  setrlimit(RLIMIT_NOFILE, &more);
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  if (::connect(fd, address.raw(), address.length) != 0) return 6;
  if (::send(fd, "x", 1, 0) != 1 || read_exactly(fd, 1) != "x") return 7;
  return 0;
}

int starve_of_descriptors() {
  LoopThread server;
  EchoServer echo(server.loop());
  const int result = starve(server, echo);
  server.join();
  return result;
}

TEST(EpollLoopTest, WithoutDescriptorsItRefusesWithoutSpinningAndRecovers) {
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) _exit(starve_of_descriptors());
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace mr::net
