#include "cli/delta_table.h"

#include <gtest/gtest.h>

namespace mr::cli {
namespace {

constexpr std::string_view kMetrics =
    "# HELP sockets_delta_chains Chains with a base now\n"
    "sockets_delta_chains{app_id=\"a\",channel_name=\"t*\",port=\"1\"} 3\n"
    "sockets_delta_chain_bytes{app_id=\"a\",channel_name=\"t*\",port=\"1\"} 900\n"
    "sockets_delta_compression_full_messages_total{app_id=\"a\",channel_name=\"t*\",port=\"1\"} "
    "10\n"
    "sockets_delta_compression_delta_messages_total{app_id=\"a\",channel_name=\"t*\",port=\"1\"} "
    "1234\n"
    "sockets_delta_compression_bandwidth_original_bytes{app_id=\"a\",channel_name=\"t*\",port="
    "\"1\"} "
    "4000\n"
    "sockets_delta_compression_bandwidth_saved_bytes{app_id=\"a\",channel_name=\"t*\",port=\"1\"} "
    "3000\n"
    "sockets_delta_chains{app_id=\"b \\\"x\\\"\",channel_name=\"(none)\",port=\"1\"} 1\n"
    "sockets_connections 7\n";

TEST(DeltaTableTest, RowsComeFromTheMetricsOfAnyPrefix) {
  const auto rows = read_delta_rows(kMetrics);
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].app_id, "a");
  EXPECT_EQ(rows[0].pattern, "t*");
  EXPECT_EQ(rows[0].deltas, 1234);
  EXPECT_EQ(rows[0].saved_bytes, 3000);
  EXPECT_EQ(rows[1].app_id, "b \"x\"");
  EXPECT_TRUE(read_delta_rows("").empty());
  EXPECT_TRUE(read_delta_rows("x_delta_chains 1\nx_delta_chains{ 2").empty());
}

TEST(DeltaTableTest, TheTableLinesUpAndHasSums) {
  const std::string table = delta_table(read_delta_rows(kMetrics));
  EXPECT_EQ(table,
            "app    pattern  chains  bytes kept  full  delta  plain bytes  sent bytes   saved\n"
            "a      t*            3         900    10  1,234        4,000       1,000  75.0 %\n"
            "b \"x\"  (none)        1           0     0      0            0           0       -\n"
            "all                  4         900    10  1,234        4,000       1,000  75.0 %\n");
  EXPECT_NE(delta_table({}).find("nobody gets deltas"), std::string::npos);
}

TEST(DeltaTableTest, JsonHasTheSameNumbers) {
  const std::string json = delta_json(read_delta_rows(kMetrics));
  EXPECT_EQ(json.substr(0, json.find("},") + 1),
            R"([{"app_id":"a","pattern":"t*","chains":3,"kept_bytes":900,"full":10,"delta":1234,)"
            R"("plain_bytes":4000,"sent_bytes":1000})");
}

}  // namespace
}  // namespace mr::cli
