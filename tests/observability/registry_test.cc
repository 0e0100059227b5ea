#include "observability/registry.h"

#include <gtest/gtest.h>

#include <sstream>
#include <thread>

namespace mr::observability {
namespace {

bool has_line(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

TEST(RegistryTest, SumsTheSetsOfAllLoops) {
  Registry registry;
  CounterSet& a = registry.add_set();
  CounterSet& b = registry.add_set();
  a.counter("millrace_messages_total", "Messages.", {{"kind", "rest"}}).add(3);
  b.counter("millrace_messages_total", "Messages.", {{"kind", "rest"}}).add(4);
  b.counter("millrace_messages_total", "Messages.", {{"kind", "client"}}).add();
  const std::string text = registry.render({});
  EXPECT_TRUE(has_line(text, "# HELP millrace_messages_total Messages.")) << text;
  EXPECT_TRUE(has_line(text, "# TYPE millrace_messages_total counter"));
  EXPECT_TRUE(has_line(text, "millrace_messages_total{kind=\"rest\"} 7"));
  EXPECT_TRUE(has_line(text, "millrace_messages_total{kind=\"client\"} 1"));
}

TEST(RegistryTest, OurNamesBeginWithThePrefix) {
  Registry registry("sockets_2");
  registry.add_set().counter("millrace_frames_total", "Frames").add(1);
  const std::string text = registry.render({});
  EXPECT_NE(text.find("\nsockets_2_frames_total 1"), std::string::npos) << text;
  EXPECT_NE(text.find("process_threads"), std::string::npos);
  EXPECT_EQ(text.find("millrace_"), std::string::npos);
}

TEST(RegistryTest, TheSameNameAndLabelsAreTheSameObject) {
  Registry registry;
  CounterSet& set = registry.add_set();
  Counter& one = set.counter("millrace_x_total", "X.", {{"a", "1"}, {"b", "2"}});
  EXPECT_EQ(&one, &set.counter("millrace_x_total", "X.", {{"b", "2"}, {"a", "1"}}));
  EXPECT_NE(&one, &set.counter("millrace_x_total", "X.", {{"a", "1"}}));
  EXPECT_NE(&one, &registry.add_set().counter("millrace_x_total", "X.", {{"a", "1"}, {"b", "2"}}));
  EXPECT_EQ(&registry.counter("millrace_y_total", "Y."),
            &registry.counter("millrace_y_total", "Y."));
}

TEST(RegistryTest, SharedAndLoopCountersOfOneNameAreAdded) {
  Registry registry;
  registry.add_set().counter("millrace_x_total", "X.").add(1);
  registry.counter("millrace_x_total", "X.").add(10);
  EXPECT_TRUE(has_line(registry.render({}), "millrace_x_total 11"));
}

TEST(RegistryTest, HistogramsAreCumulativeAndSummed) {
  Registry registry;
  const double bounds[] = {0.1, 1};
  const MetricName name{"millrace_publish_seconds", "Time to publish."};
  Histogram& a = registry.add_set().histogram(name, bounds);
  Histogram& b = registry.add_set().histogram(name, bounds);
  a.observe(0.1);  // on the bound: inside
  a.observe(0.5, 2);
  b.observe(7);
  const std::string text = registry.render({});
  EXPECT_TRUE(has_line(text, "# TYPE millrace_publish_seconds histogram")) << text;
  EXPECT_TRUE(has_line(text, "millrace_publish_seconds_bucket{le=\"0.1\"} 1"));
  EXPECT_TRUE(has_line(text, "millrace_publish_seconds_bucket{le=\"1\"} 3"));
  EXPECT_TRUE(has_line(text, "millrace_publish_seconds_bucket{le=\"+Inf\"} 4"));
  EXPECT_TRUE(has_line(text, "millrace_publish_seconds_count 4"));
  EXPECT_NE(text.find("millrace_publish_seconds_sum 8.1"), text.npos);
}

TEST(RegistryTest, SamplesOfSeveralLoopsAreAdded) {
  const Registry registry;
  const std::vector<GaugeSample> samples = {
      {"millrace_connections", "Open connections.", {{"app", "a"}}, 2},
      {"millrace_connections", "Open connections.", {{"app", "a"}}, 3},
      {"millrace_connections", "Open connections.", {{"app", "b"}}, 1},
      {"millrace_bytes_total", "Bytes.", {}, 9, SampleKind::kCounter}};
  const std::string text = registry.render(samples);
  EXPECT_TRUE(has_line(text, "# TYPE millrace_connections gauge")) << text;
  EXPECT_TRUE(has_line(text, "millrace_connections{app=\"a\"} 5"));
  EXPECT_TRUE(has_line(text, "millrace_connections{app=\"b\"} 1"));
  EXPECT_TRUE(has_line(text, "# TYPE millrace_bytes_total counter"));
}

TEST(RegistryTest, HostileLabelValuesStayInsideTheirQuotes) {
  Registry registry;
  registry.counter("millrace_x_total", "X.", {{"channel", "a\"} 1\nevil 2\\\xff"}}).add();
  const std::string text = registry.render({});
  EXPECT_TRUE(has_line(text, "millrace_x_total{channel=\"a\\\"} 1\\nevil 2\\\\\xef\xbf\xbd\"} 1"))
      << text;
  registry.counter("millrace_y_total", "Y.", {{"channel", std::string(10'000, 'x')}}).add();
  EXPECT_NE(registry.render({}).find('"' + std::string(256, 'x') + '"'), std::string::npos);
}

TEST(RegistryTest, SeriesOfOneNameAreBounded) {
  Registry registry;
  CounterSet& set = registry.add_set();
  for (std::size_t i = 0; i < CounterSet::kSeriesMax + 500; ++i) {
    set.counter("millrace_x_total", "X.", {{"app", std::to_string(i)}}).add();
  }
  EXPECT_TRUE(has_line(registry.render({}), "millrace_x_total{app=\"other\"} 500"));
  set.counter("millrace_x_total", "X.", {{"app", "0"}}).add();
  EXPECT_TRUE(has_line(registry.render({}), "millrace_x_total{app=\"0\"} 2"));
}

TEST(RegistryTest, ProcessAndBuildAreThere) {
  Registry registry;
  registry.set_build("1.2.3", "g++ 12");
  const std::string text = registry.render({});
  EXPECT_TRUE(has_line(text, "millrace_build_info{compiler=\"g++ 12\",version=\"1.2.3\"} 1"))
      << text;
  for (const char* name : {"process_cpu_seconds_total", "process_resident_memory_bytes",
                           "process_virtual_memory_bytes", "process_start_time_seconds",
                           "process_open_fds", "process_max_fds"}) {
    EXPECT_NE(text.find("\n" + std::string(name) + " "), text.npos) << name;
  }
}

TEST(RegistryTest, EveryNameBeginsWithOurPrefix) {
  Registry registry;
  registry.set_build("1", "x");
  registry.add_set().histogram({"millrace_h_seconds", "H."}, latency_buckets()).observe(1);
  registry.counter("millrace_c_total", "C.").add();
  const std::vector<GaugeSample> samples = {{"millrace_g", "G.", {}, 1}};
  std::istringstream lines(registry.render(samples));
  for (std::string line; std::getline(lines, line);) {
    const std::string name = line.starts_with("# ") ? line.substr(line.find(' ', 2) + 1) : line;
    EXPECT_TRUE(name.starts_with("millrace_") || name.starts_with("process_")) << line;
  }
}

TEST(RegistryDeathTest, AForeignNameEndsTheProcess) {
  Registry registry;
  const std::vector<GaugeSample> samples = {{"connections", "C.", {}, 1}};
  EXPECT_DEATH(registry.counter("http_requests_total", "R."), "metric name");
  EXPECT_DEATH(registry.add_set().counter("millrace_Bad", "B."), "metric name");
  EXPECT_DEATH(registry.add_set().histogram({"millrace_x{}", "X."}, size_buckets()), "metric name");
  EXPECT_DEATH(registry.render(samples), "metric name");
}

TEST(RegistryTest, NamesAreChecked) {
  EXPECT_TRUE(is_metric_name("millrace_x"));
  EXPECT_TRUE(is_metric_name("process_open_fds"));
  for (const char* name :
       {"", "millrace_", "millrace", "x_millrace_y", "millrace_a-b", "millrace_ä"}) {
    EXPECT_FALSE(is_metric_name(name)) << name;
  }
}

TEST(RegistryTest, BucketsRise) {
  for (const auto bounds : {latency_buckets(), size_buckets(), count_buckets()}) {
    for (std::size_t i = 1; i < bounds.size(); ++i) EXPECT_LT(bounds[i - 1], bounds[i]);
  }
}

TEST(RegistryTest, AScrapeDoesNotDisturbTheLoops) {
  Registry registry;
  constexpr std::uint64_t kAdds = 50'000;
  {
    std::vector<std::jthread> loops;
    for (int i = 0; i < 3; ++i) {
      CounterSet& set = registry.add_set();
      loops.emplace_back([&set] {
        Histogram& sizes = set.histogram({"millrace_s_bytes", "S."}, size_buckets());
        for (std::uint64_t n = 0; n < kAdds; ++n) {
          set.counter("millrace_x_total", "X.", {{"k", std::to_string(n % 10)}}).add();
          sizes.observe(100);
        }
      });
    }
    for (int i = 0; i < 50; ++i) EXPECT_FALSE(registry.render({}).empty());
  }
  EXPECT_TRUE(has_line(registry.render({}), "millrace_s_bytes_count 150000"));
  EXPECT_TRUE(has_line(registry.render({}), "millrace_x_total{k=\"3\"} 15000"));
}

}  // namespace
}  // namespace mr::observability
