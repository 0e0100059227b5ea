#include <gtest/gtest.h>

#include <type_traits>

#include "app/nats_source.h"
#include "app/node.h"
#include "app/redis_source.h"
#include "net/epoll_loop.h"
#include "net/epoll_runtime.h"
#include "net/sim/sim_loop.h"
#include "net/sim/sim_runtime.h"
#include "net/system_clock.h"

namespace mr::app {
namespace {

template <class Interface, class... Twins>
constexpr bool kAreTwins =
    (std::is_base_of_v<Interface, Twins> && ...) && std::has_virtual_destructor_v<Interface>;

// Everything in which a node of main() and a node of a test may differ. A new parameter of Node, or
// a twin that is no longer one, does not compile or fails here: then this list is to be changed.
TEST(NodeSeamsTest, TheRuntimeTheLogAndWhatItIsGivenAreAllThatDiffers) {
  EXPECT_TRUE((std::is_constructible_v<Node, config::Settings, net::Runtime&, observability::Log&,
                                       Node::Given>));
  EXPECT_TRUE(
      (std::is_constructible_v<Node, config::Settings, net::EpollRuntime&, observability::Log&>))
      << "as main() builds it";
  EXPECT_TRUE(
      (std::is_constructible_v<Node, config::Settings, net::sim::SimRuntime&, observability::Log&>))
      << "as a test builds it";
  // Behind the runtime: loops (sockets, timers, mailbox, clock, chance) and the worker.
  EXPECT_TRUE((kAreTwins<net::Runtime, net::EpollRuntime, net::sim::SimRuntime>));
  EXPECT_TRUE((kAreTwins<net::Loop, net::EpollLoop, net::sim::SimLoop>));
  // Behind the log: its clock and its target.
  EXPECT_TRUE(
      (std::is_constructible_v<observability::Log, observability::LogOptions, const base::Clock&,
                               std::unique_ptr<observability::LogTarget>>));
  // What it is given: the order source, in place of the local counter, and the broker.
  EXPECT_TRUE((std::is_base_of_v<channel::OrderSource, channel::LocalOrder>));
  EXPECT_TRUE((std::is_base_of_v<BusSource, RedisSource>));
  EXPECT_TRUE((std::is_base_of_v<BusSource, NatsSource>));
}

}  // namespace
}  // namespace mr::app
