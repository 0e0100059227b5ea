#include "net/port_probe.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "net/epoll_loop.h"

namespace mr::net {
namespace {

class RefuseAll final : public AcceptEvents {
 public:
  explicit RefuseAll(Loop& loop) : loop_(loop) {}
  void on_accept(SocketHandle socket, const PeerAddress&) override { loop_.close(socket); }

 private:
  Loop& loop_;
};

TEST(PortProbeTest, APortInUseNamesAddressPortAndOwner) {
  EpollLoop loop;
  RefuseAll refuse(loop);
  auto listener = loop.listen({.address = {"127.0.0.1", 0}, .reuse_port = true}, refuse);
  ASSERT_TRUE(listener.ok());
  const std::uint16_t port = loop.listener_port(listener.value());
  auto probe = probe_port({"127.0.0.1", port});
  ASSERT_FALSE(probe.ok());
  EXPECT_EQ(probe.error().code, NetErrc::kAddressInUse);
  const std::string& text = probe.error().detail;
  EXPECT_NE(text.find("127.0.0.1"), std::string::npos) << text;
  EXPECT_NE(text.find("port " + std::to_string(port)), std::string::npos) << text;
  EXPECT_NE(text.find("pid " + std::to_string(getpid())), std::string::npos) << text;
}

TEST(PortProbeTest, TheProbeLetsGoOfAFreePort) {
  EpollLoop loop;
  RefuseAll refuse(loop);
  auto listener = loop.listen({.address = {"127.0.0.1", 0}}, refuse);
  ASSERT_TRUE(listener.ok());
  const std::uint16_t port = loop.listener_port(listener.value());
  loop.close_listener(listener.value());
  EXPECT_TRUE(probe_port({"127.0.0.1", port}).ok());
  EXPECT_TRUE(loop.listen({.address = {"127.0.0.1", port}}, refuse).ok());
}

TEST(PortProbeTest, TwoLoopsShareAPortAndWithoutReusePortTheyDoNot) {
  EpollLoop first;
  EpollLoop second;
  RefuseAll refuse(first);
  auto shared = first.listen({.address = {"127.0.0.1", 0}, .reuse_port = true}, refuse);
  ASSERT_TRUE(shared.ok());
  const Address address{"127.0.0.1", first.listener_port(shared.value())};
  EXPECT_TRUE(second.listen({.address = address, .reuse_port = true}, refuse).ok());
  auto alone = second.listen({.address = address}, refuse);
  ASSERT_FALSE(alone.ok());
  EXPECT_EQ(alone.error().code, NetErrc::kAddressInUse);
}

TEST(PortProbeTest, AddressesThatAreNotOursAreNamed) {
  auto name = probe_port({"localhost", 80});
  ASSERT_FALSE(name.ok());
  EXPECT_EQ(name.error().code, NetErrc::kBadAddress);
  EXPECT_NE(name.error().detail.find("localhost"), std::string::npos);
  auto foreign = probe_port({"203.0.113.7", 6001});
  ASSERT_FALSE(foreign.ok());
  EXPECT_EQ(foreign.error().code, NetErrc::kBadAddress) << foreign.error().detail;
}

// In a process of its own: takes the claim, listens as a node does, and says how it went.
void start_node(std::uint16_t port, int report, int end) {
  char answer = 'l';
  {
    std::optional<PortClaim> claim;
    if (auto taken = PortClaim::take({"127.0.0.1", port})) claim.emplace(std::move(taken).value());
    EpollLoop loop;
    RefuseAll refuse(loop);
    if (claim && loop.listen({.address = {"127.0.0.1", port}, .reuse_port = true}, refuse)) {
      answer = 'w';
    }
    claim.reset();
    char until = 0;
    if (::write(report, &answer, 1) != 1 || ::read(end, &until, 1) < 0) _exit(1);
  }
  _exit(0);
}

// Two nodes that started together shared the port: each had looked before the other listened.
TEST(PortClaimTest, OfNodesThatStartAtOnceOneHasThePort) {
  constexpr int kRounds = 40;
  constexpr int kNodes = 3;
  for (int round = 0; round < kRounds; ++round) {
    std::uint16_t port = 0;
    {
      EpollLoop loop;
      RefuseAll refuse(loop);
      port = loop.listener_port(loop.listen({.address = {"127.0.0.1", 0}}, refuse).value());
    }
    int report[2];
    int end[2];
    ASSERT_EQ(::pipe(report), 0);
    ASSERT_EQ(::pipe(end), 0);
    std::vector<pid_t> nodes;
    for (int i = 0; i < kNodes; ++i) {
      const pid_t node = ::fork();
      ASSERT_GE(node, 0);
      if (node == 0) {
        ::close(end[1]);
        start_node(port, report[1], end[0]);
      }
      nodes.push_back(node);
    }
    std::string answers;
    for (char answer = 0; answers.size() < kNodes && ::read(report[0], &answer, 1) == 1;) {
      answers += answer;
    }
    EXPECT_EQ(std::count(answers.begin(), answers.end(), 'w'), 1) << answers;
    for (const int fd : {report[0], report[1], end[0], end[1]}) ::close(fd);
    for (const pid_t node : nodes) {
      int status = 0;
      EXPECT_EQ(::waitpid(node, &status, 0), node);
      EXPECT_EQ(status, 0);
    }
    if (HasFailure()) return;
  }
}

TEST(PortClaimTest, AClaimThatIsHeldIsWaitedForAndThenNamed) {
  EpollLoop loop;
  RefuseAll refuse(loop);
  auto listener = loop.listen({.address = {"127.0.0.1", 0}}, refuse);
  const Address address{"127.0.0.1", loop.listener_port(listener.value())};
  loop.close_listener(listener.value());
  auto first = PortClaim::take(address);
  ASSERT_TRUE(first.ok());
  auto second = PortClaim::take(address, std::chrono::milliseconds(20));
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, NetErrc::kAddressInUse);
  EXPECT_NE(second.error().detail.find("port " + std::to_string(address.port)), std::string::npos);
  {
    const PortClaim gone = std::move(first).value();
  }
  EXPECT_TRUE(PortClaim::take(address).ok());
}

}  // namespace
}  // namespace mr::net
