#include "net/epoll_runtime.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <future>
#include <string>

#include "net/resolve.h"

namespace mr::net {
namespace {

TEST(EpollRuntimeTest, LoopsRunOnNamedThreadsAndPostToEachOther) {
  EpollRuntime runtime(2);
  std::promise<std::string> name;
  // Started by loop 1, so that it surely runs when loop 0 asks: one that does not run is anybody's.
  runtime.loop(1).post([&] {
    runtime.loop(0).post([&] {
      EXPECT_TRUE(runtime.loop(0).is_current());
      EXPECT_FALSE(runtime.loop(1).is_current());
      runtime.loop(1).post([&] {
        char text[16] = {};
        pthread_getname_np(pthread_self(), text, sizeof text);
        name.set_value(text);
        runtime.control().post([&] { runtime.stop(); });
      });
    });
  });
  runtime.start();
  EXPECT_TRUE(runtime.run_until_stopped());
  EXPECT_EQ(name.get_future().get(), "millrace-1");
}

TEST(EpollRuntimeTest, StopBeforeStartEndsAtOnce) {
  EpollRuntime runtime(1);
  runtime.stop();
  runtime.start();
  EXPECT_TRUE(runtime.run_until_stopped());
}

TEST(EpollRuntimeTest, TheWorkerRepliesInOrderAndFinishesItsQueue) {
  EpollRuntime runtime(1);
  std::string order;
  int finished = 0;
  for (char c = 'a'; c <= 'e'; ++c) {
    runtime.worker().submit([&] { ++finished; }, runtime.loop(0),
                            [&, c] {
                              EXPECT_TRUE(runtime.loop(0).is_current());
                              order += c;
                              if (c == 'e') runtime.stop();
                            });
  }
  runtime.start();
  EXPECT_TRUE(runtime.run_until_stopped());
  EXPECT_EQ(order, "abcde");
  EXPECT_EQ(finished, 5);
}

TEST(EpollRuntimeTest, AWorkerThatHangsDoesNotHoldUpTheEnd) {
  std::promise<void> freed;
  EpollRuntime runtime(1);
  runtime.worker().submit([&] { freed.get_future().wait(); }, runtime.loop(0), [] {});
  runtime.start();
  runtime.stop();
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_FALSE(runtime.run_until_stopped());
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(900));
  freed.set_value();
}

TEST(EpollRuntimeTest, NumericNamesNeedNoWorker) {
  EpollLoop loop;
  WorkerThread never_started;
  Resolver resolver(never_started);
  std::string host;
  resolver.resolve(loop, {"::1", 80}, [&](Addresses found) {
    host = found.value().at(0).host;
    EXPECT_EQ(found.value().at(0).port, 80);
    loop.stop();
  });
  EXPECT_EQ(host, "");
  loop.run();
  EXPECT_EQ(host, "::1");
}

TEST(EpollRuntimeTest, NamesAreLookedUpOnTheWorkerAndFailuresAreNamed) {
  EpollRuntime runtime(1);
  Resolver resolver(runtime.worker());
  std::string local;
  std::string failure;
  resolver.resolve(runtime.loop(0), {"localhost", 81}, [&](Addresses found) {
    if (found.ok()) local = found.value().at(0).host;
  });
  resolver.resolve(runtime.loop(0), {"no such name", 81}, [&](Addresses found) {
    if (!found.ok()) failure = found.error().detail;
    runtime.stop();
  });
  runtime.start();
  EXPECT_TRUE(runtime.run_until_stopped());
  EXPECT_TRUE(local == "127.0.0.1" || local == "::1") << local;
  EXPECT_NE(failure.find("no such name"), std::string::npos) << failure;
}

// In a child: the blocked mask would stay with the other tests.
int take_a_signal() {
  EpollRuntime runtime(2);
  int taken = 0;
  auto watched = runtime.watch_signals({SIGTERM, SIGHUP}, [&](int number) {
    taken = number;
    runtime.stop();
  });
  if (!watched.ok()) return 1;
  runtime.start();
  kill(getpid(), SIGTERM);
  if (!runtime.run_until_stopped()) return 3;
  return taken == SIGTERM ? 0 : 2;
}

TEST(EpollRuntimeTest, SignalsArriveOnTheControlLoop) {
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) _exit(take_a_signal());
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace mr::net
