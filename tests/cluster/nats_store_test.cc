#include "cluster/nats/nats_store.h"

#include <gtest/gtest.h>

#include "cluster/epoll_driver.h"
#include "cluster/store_contract.h"
#include "support/nats_server.h"

namespace mr::cluster::test {
namespace {

using namespace std::chrono_literals;
using mr::test::NatsServer;
using nats::KvLink;
using nats::NatsOptions;
using nats::NatsStore;

// Made before and destroyed after what uses it.
class Nats final : public StoreBackEnd {
 public:
  explicit Nats(NatsServer::Options options = {}) : server(std::move(options)) { server.start(); }

  net::Loop& loop() override { return driver_.loop(); }
  bool run_until(const std::function<bool()>& done, base::Duration limit) override {
    return driver_.run_until(done, limit);
  }
  // Of a node of its own.
  std::unique_ptr<Store> make_store(const StoreSetup& setup) override {
    NatsOptions options = with;
    options.servers = {server.address()};
    options.prefix = setup.prefix;
    links_.push_back(
        std::make_unique<KvLink>(driver_.loop(), options, setup.times,
                                 [this](const std::string& why) { missing.push_back(why); }));
    return std::make_unique<NatsStore>(driver_.loop(), *links_.back());
  }
  void start_broker() override { server.start(); }
  void stop_broker() override { server.stop(); }
  void pause_broker() override { server.pause(); }
  void resume_broker() override { server.resume(); }
  std::string address() const override { return server.address(); }

  NatsServer server;
  NatsOptions with;  // of stores that are made from now on
  std::vector<std::string> missing;

 private:
  EpollDriver driver_;
  std::vector<std::unique_ptr<KvLink>> links_;
};

std::unique_ptr<StoreBackEnd> make_nats() { return std::make_unique<Nats>(); }

INSTANTIATE_TEST_SUITE_P(Nats, StoreContract, testing::Values(&make_nats),
                         [](const auto&) { return std::string("Alone"); });

}  // namespace
}  // namespace mr::cluster::test
