#include "observability/log.h"

#include <gtest/gtest.h>

#include <thread>

#include "log_recording.h"

namespace mr::observability {
namespace {

using test::lines_of;

class LogTest : public ::testing::Test {
 protected:
  std::unique_ptr<Log> make(LogOptions options = {}) {
    return std::make_unique<Log>(options, clock_,
                                 std::make_unique<test::RecordingTarget>(recording_));
  }
  double sample(const Log& log, std::string_view name, const Labels& labels = {}) {
    double sum = 0;
    for (const GaugeSample& s : log.samples()) {
      if (s.name == name && (labels.empty() || s.labels == labels)) sum += s.value;
    }
    return sum;
  }

  test::HandClock clock_;
  test::Recording recording_;
};

TEST_F(LogTest, WithoutAWorkerTheCallerWrites) {
  auto log = make();
  Logger(*log, "net").info("listening", {{"port", 6001}});
  EXPECT_EQ(lines_of(recording_.text).size(), 1U);
}

TEST_F(LogTest, WithAWorkerLinesWaitForItAndItIsCalledOnce) {
  auto log = make();
  int pokes = 0;
  log->on_lines_waiting([&] { ++pokes; });
  const Logger logger(*log, "net");
  logger.info("one");
  logger.info("two");
  EXPECT_EQ(pokes, 1);
  EXPECT_EQ(recording_.text, "");
  log->drain();
  EXPECT_EQ(lines_of(recording_.text).size(), 2U);
  logger.info("three");
  EXPECT_EQ(pokes, 2);
  log->on_lines_waiting(nullptr);  // the worker ends: what waits is written
  EXPECT_EQ(lines_of(recording_.text).size(), 3U);
  logger.info("four");
  EXPECT_EQ(lines_of(recording_.text).size(), 4U);
}

TEST_F(LogTest, TheEndWritesWhatIsLeft) {
  auto log = make();
  log->on_lines_waiting([] {});
  Logger(*log, "net").info("last words");
  log.reset();
  EXPECT_EQ(lines_of(recording_.text).size(), 1U);
}

TEST_F(LogTest, AFullBufferDropsCountsAndTells) {
  LogOptions options;
  options.buffer_lines_max = 3;
  auto log = make(options);
  log->on_lines_waiting([] {});
  const Logger logger(*log, "net");
  for (int i = 0; i < 10; ++i) logger.info("tick", {{"i", i}});
  EXPECT_EQ(log->dropped(), 7U);
  log->drain();
  const auto lines = lines_of(recording_.text);
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_NE(lines[3].find(R"("level":"warn","component":"log")"), std::string::npos);
  EXPECT_NE(lines[3].find(R"("dropped":7)"), std::string::npos);
  EXPECT_EQ(sample(*log, "millrace_log_lines_dropped_total"), 7);
  EXPECT_EQ(sample(*log, "millrace_log_lines_total", {{"level", "info"}}), 10);
  log->drain();
  EXPECT_EQ(lines_of(recording_.text).size(), 4U) << "told once";
}

TEST_F(LogTest, TheBufferIsBoundedInBytesToo) {
  LineBuffer buffer(1'000'000);
  const std::string line(64 * 1024, 'x');
  for (std::size_t i = 0; i < LineBuffer::kBytesMax / line.size(); ++i) buffer.put(line);
  EXPECT_EQ(buffer.dropped(), 0U);
  buffer.put("x");
  EXPECT_EQ(buffer.dropped(), 1U);
  buffer.take();
  buffer.put("x");
  EXPECT_EQ(buffer.dropped(), 1U);
}

TEST_F(LogTest, LevelsFilterPerComponentAndChangeAtRunTime) {
  LogOptions options;
  options.level = "warn,delta=debug";
  auto log = make(options);
  const Logger delta(*log, "delta");
  const Logger hub(*log, "hub");
  EXPECT_TRUE(delta.enabled(Level::kDebug));
  EXPECT_FALSE(delta.enabled(Level::kTrace));
  EXPECT_FALSE(hub.enabled(Level::kInfo));
  hub.info("not written");
  EXPECT_EQ(recording_.text, "");

  ASSERT_TRUE(log->set_levels("info,hub=off").ok());
  EXPECT_FALSE(delta.enabled(Level::kDebug));
  EXPECT_TRUE(delta.enabled(Level::kInfo));
  hub.error("not written either");
  EXPECT_EQ(recording_.text, "");
  EXPECT_FALSE(log->set_levels("everything").ok());
  EXPECT_EQ(log->levels().to_text(), "info,hub=off") << "a refused text changes nothing";
  EXPECT_EQ(log->components(), (std::vector<std::string>{"delta", "hub"}));

  ASSERT_TRUE(log->set_levels("info,later=error").ok());
  EXPECT_FALSE(Logger(*log, "later").enabled(Level::kWarn));
}

TEST_F(LogTest, LimitedLinesComeOnceASecondAndCountTheRest) {
  auto log = make();
  const Logger ws(*log, "ws");
  const Logger http(*log, "http");
  for (int i = 0; i < 5; ++i) ws.warn_limited("bad frame", {{"i", i}});
  http.warn_limited("bad frame");  // another component has its own allowance
  ws.warn_limited("bad key");      // another message too
  EXPECT_EQ(lines_of(recording_.text).size(), 3U);
  clock_.advance(std::chrono::milliseconds(999));
  ws.warn_limited("bad frame");
  EXPECT_EQ(lines_of(recording_.text).size(), 3U);
  clock_.advance(std::chrono::milliseconds(1));
  ws.warn_limited("bad frame", {{"i", 9}});
  const auto lines = lines_of(recording_.text);
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_NE(lines[3].find(R"("i":9,"suppressed":5})"), std::string::npos) << lines[3];
  clock_.advance(std::chrono::seconds(1));
  ws.warn_limited("bad frame");
  EXPECT_EQ(lines_of(recording_.text)[4].find("suppressed"), std::string::npos);
}

TEST_F(LogTest, ReopenHappensAtTheDrainThatItAsksFor) {
  auto log = make();
  int pokes = 0;
  log->on_lines_waiting([&] { ++pokes; });
  log->reopen();
  EXPECT_EQ(pokes, 1);
  EXPECT_EQ(recording_.reopened, 0);
  log->drain();
  log->drain();
  EXPECT_EQ(recording_.reopened, 1);
}

TEST_F(LogTest, FailedWritesAreCounted) {
  auto log = make();
  recording_.room = 0;
  Logger(*log, "net").info("lost");
  EXPECT_EQ(sample(*log, "millrace_log_write_failures_total"), 1);
}

TEST_F(LogTest, LinesThatNobodyTookCountAsDroppedAndALaterLineSaysSo) {
  auto log = make();
  const Logger logger(*log, "net");
  recording_.room = 10;
  logger.info("cut");
  recording_.room = 0;
  logger.info("lost");
  EXPECT_EQ(sample(*log, "millrace_log_lines_dropped_total"), 3) << "and the notice of the first";
  recording_.room = std::string::npos;
  logger.info("taken");
  const auto lines = lines_of(recording_.text);
  ASSERT_EQ(lines.size(), 3U) << "the cut line does not reach into the next";
  EXPECT_EQ(lines[0].size(), 10U);
  EXPECT_NE(lines[1].find("taken"), std::string::npos);
  EXPECT_NE(lines[2].find(R"("dropped":2)"), std::string::npos) << recording_.text;
}

TEST_F(LogTest, AutoIsTextOnATerminalAndJsonElsewhere) {
  Logger(*make(), "net").info("m");
  EXPECT_EQ(recording_.text.front(), '{');
  recording_ = {};
  recording_.terminal = true;
  Logger(*make(), "net").info("m");
  EXPECT_EQ(recording_.text.front(), '2');
  EXPECT_EQ(recording_.text.find('\x1b'), std::string::npos);
  recording_ = {};
  recording_.terminal = recording_.color = true;
  Logger(*make(), "net").info("m");
  EXPECT_NE(recording_.text.find('\x1b'), std::string::npos);
}

TEST_F(LogTest, OptionsAreCheckedWithTheirKeys) {
  EXPECT_TRUE(check_log_options({}).empty());
  LogOptions options;
  options.format = "xml";
  options.level = "loud";
  options.buffer_lines_max = 0;
  const auto problems = check_log_options(options);
  ASSERT_EQ(problems.size(), 3U);
  EXPECT_TRUE(problems[0].starts_with("log.format: \"xml\""));
  EXPECT_TRUE(problems[1].starts_with("log.level: \"loud\""));
  EXPECT_TRUE(problems[2].starts_with("log.buffer_lines_max: 0"));
}

TEST_F(LogTest, ManyThreadsLoseAndMixNothing) {
  LogOptions options;
  options.buffer_lines_max = 100'000;
  auto log = make(options);
  constexpr int kThreads = 4;
  constexpr int kLines = 2'000;
  {
    // Each poke drains on its own thread, as the worker would: the poking one must not wait.
    std::atomic<bool> wanted{false};
    std::atomic<bool> ended{false};
    log->on_lines_waiting([&] { wanted = true; });
    std::jthread worker([&] {
      while (!ended) {
        if (wanted.exchange(false)) log->drain();
        std::this_thread::yield();
      }
    });
    {
      std::vector<std::jthread> writers;
      for (int t = 0; t < kThreads; ++t) {
        writers.emplace_back([&, t] {
          const Logger logger(*log, "net");
          for (int i = 0; i < kLines; ++i) {
            logger.info("tick", {{"t", t}, {"i", i}});
            if (i % 100 == 0) {
              EXPECT_TRUE(log->set_levels("info").ok());
            }
          }
        });
      }
    }
    ended = true;
    worker.join();
    log->on_lines_waiting(nullptr);
  }
  const auto lines = lines_of(recording_.text);
  ASSERT_EQ(lines.size(), std::size_t{kThreads} * kLines);
  std::vector<int> next(kThreads, 0);
  for (const std::string& line : lines) {
    for (int t = 0; t < kThreads; ++t) {
      const std::string tail = "\"t\":" + std::to_string(t) +
                               ",\"i\":" + std::to_string(next[static_cast<std::size_t>(t)]) + "}";
      if (line.ends_with(tail)) {
        ++next[static_cast<std::size_t>(t)];
        break;
      }
    }
  }
  EXPECT_EQ(next, std::vector<int>(kThreads, kLines)) << "each thread's lines keep their order";
}

}  // namespace
}  // namespace mr::observability
