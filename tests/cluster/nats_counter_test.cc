#include "cluster/counter_contract.h"
#include "cluster/epoll_driver.h"
#include "cluster/nats/nats_store.h"
#include "cluster/store_counter.h"
#include "support/nats_server.h"

namespace mr::cluster::test {
namespace {

using mr::test::NatsServer;

class NatsCounters final : public CounterBackEnd {
 public:
  NatsCounters() { server_.start(); }

  net::Loop& loop() override { return driver_.loop(); }
  bool run_until(const std::function<bool()>& done, base::Duration limit) override {
    return driver_.run_until(done, limit);
  }
  // Of a node of its own.
  std::unique_ptr<Counter> make_counter(const std::string& node, CounterEvents& events) override {
    nats::NatsOptions options;
    options.servers = {server_.address()};
    links_.push_back(std::make_unique<nats::KvLink>(driver_.loop(), options, StoreTimes{},
                                                    [](const std::string&) {}));
    auto store = std::make_unique<nats::NatsStore>(driver_.loop(), *links_.back());
    return std::make_unique<StoreCounter>(
        driver_.loop(), StoreCounter::Source{std::move(store), node, "NATS"}, events);
  }
  void pause_broker() override { server_.pause(); }
  void resume_broker() override { server_.resume(); }
  void stop_broker() override { server_.stop(); }
  void start_broker() override { server_.start(); }

 private:
  NatsServer server_;
  EpollDriver driver_;
  std::vector<std::unique_ptr<nats::KvLink>> links_;
};

std::unique_ptr<CounterBackEnd> make_nats() { return std::make_unique<NatsCounters>(); }

INSTANTIATE_TEST_SUITE_P(Nats, CounterContract, testing::Values(&make_nats),
                         [](const auto&) { return std::string("Alone"); });

}  // namespace
}  // namespace mr::cluster::test
