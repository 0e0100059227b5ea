#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "app/node.h"
#include "client/pusher_client.h"
#include "client/rest_client.h"
#include "http/client.h"
#include "net/epoll_runtime.h"
#include "net/system_clock.h"
#include "observability/log.h"
#include "support/silent_target.h"

namespace mr::app {
namespace {

constexpr std::size_t kLoops = 4;
constexpr int kConnects = 1000;
constexpr int kAtOnce = 16;
constexpr int kChannels = 8;
const std::string kEvent = "tick";

std::string channel_of(int number) { return "private-" + std::to_string(number % kChannels); }

config::Settings settings_of_test() {
  config::Settings settings;
  settings.host = "127.0.0.1";
  settings.port = 0;
  settings.metrics.enabled = true;
  settings.metrics.host = "127.0.0.1";
  settings.metrics.port = 0;
  settings.shutdown_grace_period = std::chrono::milliseconds(200);
  model::AppOptions app;
  app.id = "app";
  app.key = "key";
  app.secret = "secret";
  settings.apps.push_back(app);
  return settings;
}

// The node as main() builds it, on real threads; only the log goes nowhere.
struct RunningNode {
  RunningNode()
      : runtime(kLoops),
        log(observability::LogOptions(), clock, std::make_unique<test::SilentTarget>()),
        node(settings_of_test(), runtime, log) {
    const auto started = node.start();
    EXPECT_TRUE(started) << (started ? "" : started.error().detail);
    address = {"127.0.0.1", node.port()};
    runtime.start();
    log.on_lines_waiting(
        [this] { runtime.worker().submit([this] { log.drain(); }, runtime.control(), [] {}); });
  }
  void drain() {
    runtime.control().post([this] { node.begin_drain([this] { runtime.stop(); }); });
    EXPECT_TRUE(runtime.run_until_stopped());
    log.on_lines_waiting(nullptr);
  }

  net::SystemClock clock;
  net::EpollRuntime runtime;
  observability::Log log;
  Node node;
  net::Address address;
};

// What clients do from one loop of their own, until so many have come, heard something and gone.
class Churn {
 public:
  Churn(net::EpollLoop& loop, RunningNode& server)
      : loop_(loop),
        address_(server.address),
        rest_(loop, {address_, {}, "app", "key", "secret"}),
        scraper_(loop, {{"127.0.0.1", server.node.metrics_port()}, {}}) {}

  void run() {
    stay();
    for (int i = 0; i < kAtOnce; ++i) come(static_cast<std::size_t>(i));
    for (int i = 0; i < kChannels; ++i) publish(i);
    scrape();
    loop_.run();
  }
  int gone() const { return gone_; }
  int scrapes() const { return scrapes_; }
  int heard_by_stayer() const { return heard_; }

 private:
  client::PusherOptions options() const {
    client::PusherOptions options;
    options.address = address_;
    options.key = "key";
    options.secret = "secret";
    return options;
  }

  // Hears every message of one channel once and in order, whatever the others do.
  void stay() {
    client::PusherCallbacks callbacks;
    callbacks.on_connected = [this](std::string_view) { stayer_->subscribe(channel_of(0)); };
    callbacks.on_event = [this](const client::PusherEvent& event) {
      if (event.event != kEvent) return;
      const int number = std::stoi(event.data);
      if (heard_ > 0) {
        EXPECT_EQ(number, last_ + kChannels);
      }
      last_ = number;
      ++heard_;
    };
    stayer_ = std::make_unique<client::PusherClient>(loop_, options(), std::move(callbacks));
    stayer_->connect();
  }

  void come(std::size_t place) {
    if (clients_.size() <= place) clients_.resize(place + 1);
    client::PusherCallbacks callbacks;
    callbacks.on_connected = [this, place](std::string_view) {
      clients_[place]->subscribe(channel_of(come_++));
    };
    callbacks.on_event = [this, place](const client::PusherEvent& event) {
      if (event.event == kEvent) go(place);
    };
    callbacks.on_closed = [](const client::PusherClosed& why) { ADD_FAILURE() << why.reason; };
    clients_[place] =
        std::make_unique<client::PusherClient>(loop_, options(), std::move(callbacks));
    clients_[place]->connect();
  }

  void go(std::size_t place) {
    clients_[place]->close();
    if (++gone_ == kConnects) loop_.stop();
    loop_.defer([this, place] { come(place); });
  }

  // One message of each channel is under way at any time.
  void publish(int number) {
    rest_.publish({channel_of(number), kEvent, std::to_string(number)},
                  [this, number](const client::RestReply& reply) {
                    EXPECT_TRUE(reply.ok()) << reply.status << " " << reply.body;
                    publish(number + kChannels);
                  });
  }

  void scrape() {
    http::ClientRequest request;
    request.target = "/metrics";
    scraper_.send(request, [this](base::Result<http::Response, http::ClientErrc> answer) {
      EXPECT_TRUE(answer && answer.value().status == 200);
      ++scrapes_;
      scrape();
    });
  }

  net::EpollLoop& loop_;
  const net::Address address_;
  client::RestClient rest_;
  http::Client scraper_;
  std::unique_ptr<client::PusherClient> stayer_;
  std::vector<std::unique_ptr<client::PusherClient>> clients_;
  int come_ = 0;
  int gone_ = 0;
  int scrapes_ = 0;
  int heard_ = 0;
  int last_ = 0;
};

// Built for the thread sanitizer, which looks at every access of the four loops, the control loop
// and the worker.
TEST(NodeThreadsTest, AThousandConnectsAndClosesWhilePublishing) {
  RunningNode server;
  {
    net::EpollLoop loop;
    Churn churn(loop, server);
    churn.run();
    EXPECT_GE(churn.gone(), kConnects);
    EXPECT_GT(churn.scrapes(), 0);
    EXPECT_GT(churn.heard_by_stayer(), 0);
  }
  server.drain();
}

}  // namespace
}  // namespace mr::app
