// Two ways to one log line: ours, and spdlog with a formatter that escapes JSON. Both end in a
// target that throws the text away; what is measured is what a loop pays for the line.
#include <spdlog/async.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <memory>
#include <mutex>
#include <string>

#include "net/system_clock.h"
#include "observability/escape.h"
#include "observability/log.h"

namespace {

using mr::observability::append_escaped;
constexpr int kLines = 200'000;
constexpr int kPasses = 9;
constexpr std::string_view kHostile = "private-\"quoted\"\n\x1b[31m";

class NullTarget final : public mr::observability::LogTarget {
 public:
  std::size_t write(std::string_view lines) override {
    bytes_ += lines.size();
    return lines.size();
  }
  bool reopen() override { return true; }
  bool is_terminal() const override { return false; }
  bool takes_color() const override { return false; }

 private:
  std::size_t bytes_ = 0;
};

// spdlog has no fields: they travel in the payload, which the caller has written and escaped.
class JsonFormatter final : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override {
    const auto since = message.time.time_since_epoch();
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(since).count() % 1000;
    const std::tm tm = spdlog::details::os::gmtime(spdlog::log_clock::to_time_t(message.time));
    fmt::format_to(std::back_inserter(out),
                   R"({{"ts":"{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z","level":"{}",)",
                   tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
                   ms, spdlog::level::to_string_view(message.level));
    fmt::format_to(std::back_inserter(out), "\"component\":\"{}\",{}}}\n", message.logger_name,
                   message.payload);
  }
  std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<JsonFormatter>();
  }
};

class NullSink final : public spdlog::sinks::base_sink<std::mutex> {
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t text;
    formatter_->format(message, text);
  }
  void flush_() override {}
};

void log_with_spdlog(spdlog::logger& logger, int i) {
  std::string payload = "\"msg\":\"subscription refused\",\"app\":\"app-id\",\"channel\":\"";
  append_escaped(payload, kHostile);
  fmt::format_to(std::back_inserter(payload), "\",\"connection\":{},\"code\":{}", i, 4009);
  logger.info(spdlog::string_view_t(payload));
}

// Processor time of all threads for one line, the best of the passes: the machine may be busy.
template <class F>
double cpu_ns(F&& line) {
  double best = 0;
  for (int pass = 0; pass < kPasses; ++pass) {
    const std::clock_t begin = std::clock();
    for (int i = 0; i < kLines; ++i) line(i);
    const double ns = static_cast<double>(std::clock() - begin) * 1e9 / CLOCKS_PER_SEC / kLines;
    best = pass == 0 ? ns : std::min(best, ns);
  }
  return best;
}

double ours() {
  mr::net::SystemClock clock;
  mr::observability::LogOptions options;
  options.format = "json";
  mr::observability::Log log(options, clock, std::make_unique<NullTarget>());
  const mr::observability::Logger logger(log, "session");
  return cpu_ns([&](int i) {
    logger.info("subscription refused",
                {{"app", "app-id"}, {"channel", kHostile}, {"connection", i}, {"code", 4009}});
  });
}

double spdlogs() {
  spdlog::logger logger("session", std::make_shared<NullSink>());
  logger.set_formatter(std::make_unique<JsonFormatter>());
  return cpu_ns([&](int i) { log_with_spdlog(logger, i); });
}

// It brings a thread of its own, and a full queue drops without a word or blocks the loop.
double spdlogs_async(std::size_t& dropped) {
  spdlog::init_thread_pool(8192, 1);
  auto logger = std::make_shared<spdlog::async_logger>(
      "session", std::make_shared<NullSink>(), spdlog::thread_pool(),
      spdlog::async_overflow_policy::overrun_oldest);
  logger->set_formatter(std::make_unique<JsonFormatter>());
  const double ns = cpu_ns([&](int i) { log_with_spdlog(*logger, i); });
  dropped = spdlog::thread_pool()->overrun_counter();
  spdlog::shutdown();
  return ns;
}

}  // namespace

int main() {
  std::printf("a line of four fields, one of them hostile; processor time, best of %d x %d lines\n",
              kPasses, kLines);
  std::printf("own log, formatted and written by the caller   %6.0f ns\n", ours());
  std::printf("spdlog, JSON formatter, by the caller          %6.0f ns\n", spdlogs());
  std::size_t dropped = 0;
  const double async = spdlogs_async(dropped);
  std::printf("spdlog, queued to its own thread               %6.0f ns, %zu of %d dropped\n", async,
              dropped, kPasses * kLines);
}
