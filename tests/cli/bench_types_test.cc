#include "cli/bench_types.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "base/random.h"
#include "cli/bench_report.h"
#include "cli/bench_subscribers.h"

namespace mr::cli {
namespace {

TEST(LatencyHistogram, QuantilesAreWithinTwoPercent) {
  base::SeededRandom random(99);
  std::vector<std::uint64_t> values;
  LatencyHistogram first;
  LatencyHistogram second;
  for (int i = 0; i < 20'000; ++i) {
    const std::uint64_t value = random.below(1ULL << (10 + random.below(24)));
    values.push_back(value);
    (i % 2 == 0 ? first : second).record(value);
  }
  first.merge(second);
  std::sort(values.begin(), values.end());
  EXPECT_EQ(first.count(), values.size());
  EXPECT_EQ(first.max(), values.back());
  for (const double share : {0.0, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    const auto at = static_cast<std::size_t>(share * static_cast<double>(values.size() - 1));
    const auto exact = static_cast<double>(values[at]);
    EXPECT_NEAR(static_cast<double>(first.quantile(share)), exact, exact * 0.02 + 1) << share;
  }
  EXPECT_EQ(LatencyHistogram().quantile(0.5), 0u);
}

TEST(BenchMark, IsFoundInAFrame) {
  std::string data;
  BenchMark{true, 77, 123456789}.write(data);
  ASSERT_EQ(data.size(), BenchMark::kBytes);
  const auto found =
      BenchMark::find(R"({"event":"bench","channel":"bench-mr","data":")" + data + "xxx\"}");
  ASSERT_TRUE(found.has_value());
  EXPECT_TRUE(found->is_measured);
  EXPECT_EQ(found->number, 77u);
  EXPECT_EQ(found->sent_ns, 123456789u);
  EXPECT_FALSE(BenchMark::find("{\"event\":\"pusher:ping\"}").has_value());
  EXPECT_FALSE(BenchMark::find("mrb12").has_value());
  EXPECT_FALSE(BenchMark::find("").has_value());
}

TEST(Subscribers, ListenersOfAChannel) {
  SubscribersOptions options;
  options.first = 5;
  options.count = 10;  // 5 .. 14
  options.channels = 4;
  EXPECT_EQ(listeners_of(0, options), 2u);  // 8, 12
  EXPECT_EQ(listeners_of(1, options), 3u);  // 5, 9, 13
  EXPECT_EQ(listeners_of(2, options), 3u);
  EXPECT_EQ(listeners_of(3, options), 2u);
}

TEST(Subscribers, ThoseOfAChannelAreOnAllNodesAndOneAloneIsNotBesideItsPublisher) {
  for (std::uint64_t channel = 0; channel < 100; ++channel) {
    std::array<int, 3> on_node{};
    for (std::uint64_t i = 0; i < 9; ++i) ++on_node[subscriber_node(channel + 100 * i, 100, 3)];
    EXPECT_EQ(on_node, (std::array<int, 3>{3, 3, 3}));
    EXPECT_NE(subscriber_node(channel, 100, 3), entry_node(channel, 3));
  }
  EXPECT_EQ(subscriber_node(7, 10, 1), entry_node(7, 1));
}

TEST(BenchReport, LatenciesAreOneDistributionAndTwo) {
  BenchReport report;
  for (int i = 0; i < 90; ++i) report.latency.local.record(1'000'000);
  for (int i = 0; i < 10; ++i) report.latency.remote.record(9'000'000);
  EXPECT_EQ(report.latency.all().count(), 100u);
  EXPECT_EQ(report.latency.all().max(), 9'000'000u);
  EXPECT_NE(report_text(report, {}).find("on others"), std::string::npos);
  EXPECT_NE(report_json(report, {}).find("\"remote_latency_us\":{\"count\":10"), std::string::npos);
}

TEST(BenchReport, DerivesItsFigures) {
  BenchReport report;
  report.connections = 100;
  report.expected = 1000;
  report.delivered = 990;
  report.measured_deliveries = 500;
  report.seconds = 2;
  EXPECT_EQ(report.lost(), 10u);
  EXPECT_EQ(report.delivered_per_second(), 250);
  EXPECT_FALSE(report.cpu_us_per_delivery().has_value());
  report.at_start = ServerFigures{0, 1000};
  report.at_connected = ServerFigures{200'000, 0};
  report.at_measure = ServerFigures{1'000'000, 0};
  report.at_delivered = ServerFigures{2'000'000, 0};
  report.at_end = ServerFigures{0, 51'000};
  EXPECT_EQ(*report.cpu_us_per_delivery(), 2);
  EXPECT_EQ(*report.cpu_us_per_connection(), 2);
  EXPECT_EQ(*report.rss_bytes_per_connection(), 500);
  EXPECT_NE(report_json(report, {}).find("\"lost\":10"), std::string::npos);
  EXPECT_NE(report_text(report, {}).find("10 of 1,000"), std::string::npos);
}

}  // namespace
}  // namespace mr::cli
