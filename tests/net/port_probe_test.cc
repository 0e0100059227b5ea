#include "net/port_probe.h"

#include <gtest/gtest.h>
#include <unistd.h>

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

}  // namespace
}  // namespace mr::net
