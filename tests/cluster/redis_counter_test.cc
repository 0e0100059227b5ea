#include "cluster/redis/redis_counter.h"

#include "cluster/counter_contract.h"
#include "cluster/epoll_driver.h"
#include "cluster/redis/error_text.h"
#include "cluster/redis/store_server.h"
#include "net/worker_thread.h"
#include "support/redis_server.h"

namespace mr::cluster::test {
namespace {

using namespace std::chrono_literals;

class RedisCounters final : public CounterBackEnd {
 public:
  RedisCounters() {
    server.start();
    worker_.start();
  }
  ~RedisCounters() override { worker_.stop(); }

  net::Loop& loop() override { return driver_.loop(); }
  bool run_until(const std::function<bool()>& done, base::Duration limit) override {
    return driver_.run_until(done, limit);
  }
  std::unique_ptr<Counter> make_counter(const std::string& node, CounterEvents& events) override {
    redis::RedisOptions options = with;
    options.port = server.port();
    return std::make_unique<redis::RedisCounter>(
        driver_.loop(),
        redis::RedisCounter::Source{
            std::make_unique<redis::StoreServer>(driver_.loop(), resolver_, options,
                                                 [](const std::string&) {}),
            options, node},
        events);
  }
  void pause_broker() override { server.pause(); }
  void resume_broker() override { server.resume(); }
  void stop_broker() override { server.stop(); }
  void start_broker() override { server.start(); }

  mr::test::RedisServer server;
  redis::RedisOptions with;  // of counters that are made from now on

 private:
  EpollDriver driver_;
  net::WorkerThread worker_;
  net::Resolver resolver_{worker_};
};

std::unique_ptr<CounterBackEnd> make_redis() { return std::make_unique<RedisCounters>(); }

INSTANTIATE_TEST_SUITE_P(Redis, CounterContract, testing::Values(&make_redis),
                         [](const auto&) { return std::string("Alone"); });

TEST(RedisCounterTest, TheKeyIsTheDocumentedOneAndEachCountSetsItsTimeToLive) {
  RedisCounters back_end;
  CountingNode node(back_end, "n1");
  ASSERT_TRUE(back_end.run_until([&] { return node->problem().empty(); }, 10s));
  ASSERT_TRUE(node.count("AAPL", 2));
  ASSERT_TRUE(back_end.run_until([&] { return node.counted().size() == 1; }, 5s));
  const std::string key = "millrace:delta_count:app:ticker:x:AAPL";
  EXPECT_EQ(back_end.server.ask("GET " + key).substr(0, 12), "$6\r\n1/2 n1\r\n");
  back_end.server.ask("PERSIST " + key);
  ASSERT_TRUE(node.count("AAPL", 2));
  ASSERT_TRUE(back_end.run_until([&] { return node.counted().size() == 2; }, 5s));
  EXPECT_EQ(back_end.server.ask("GET " + key).substr(0, 12), "$6\r\n0/2 n1\r\n") << "wrapped";
  const std::string life = back_end.server.ask("TTL " + key);
  EXPECT_TRUE(life.starts_with(":300") || life.starts_with(":299")) << life;
}

TEST(RedisCounterTest, TheAclLineIsEnoughAndWithoutSCANTheListNamesIt) {
  RedisCounters back_end;
  back_end.with.username = "millrace";
  back_end.with.password = "hunter22";
  std::string line = redis::acl_line(back_end.with);
  line.replace(line.find("PASSWORD"), sizeof "PASSWORD" - 1, back_end.with.password);
  ASSERT_TRUE(back_end.server.ask(line).starts_with("+OK"));
  CountingNode node(back_end, "n1");
  ASSERT_TRUE(back_end.run_until([&] { return node->problem().empty(); }, 10s));
  ASSERT_TRUE(node.count("AAPL"));
  ASSERT_TRUE(back_end.run_until([&] { return node.counted().size() == 1; }, 5s));
  std::optional<CounterPage> page;
  const auto list = [&] {
    page.reset();
    node->list({}, [&](CounterPage told) { page = std::move(told); });
    return back_end.run_until([&] { return page.has_value(); }, 5s);
  };
  ASSERT_TRUE(list());
  EXPECT_EQ(page->problem, "");
  EXPECT_EQ(page->counters.size(), 1U);
  back_end.server.ask("ACL SETUSER millrace -scan");
  ASSERT_TRUE(list());
  EXPECT_NE(page->problem.find("+scan"), std::string::npos) << page->problem;
}

TEST(RedisCounterTest, AKeyThatHoldsSomethingElseIsCountedAnew) {
  RedisCounters back_end;
  CountingNode node(back_end, "n1");
  ASSERT_TRUE(back_end.run_until([&] { return node->problem().empty(); }, 10s));
  back_end.server.ask("SET millrace:delta_count:app:ticker:x:AAPL rubbish");
  ASSERT_TRUE(node.count("AAPL"));
  ASSERT_TRUE(back_end.run_until([&] { return node.counted().size() == 1; }, 5s));
  EXPECT_EQ(node.places(), (std::vector<std::uint32_t>{1}));
  back_end.server.ask("DEL millrace:delta_count:app:ticker:x:AAPL");
  back_end.server.ask("LPUSH millrace:delta_count:app:ticker:x:AAPL list");
  ASSERT_TRUE(node.count("AAPL"));
  EXPECT_TRUE(back_end.run_until([&] { return node.uncounted() == 1; }, 5s));
  EXPECT_NE(node->problem().find("WRONGTYPE"), std::string::npos) << node->problem();
}

}  // namespace
}  // namespace mr::cluster::test
