#include "observability/process.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace mr::observability {
namespace {

namespace fs = std::filesystem;

constexpr const char* kStat =
    "42 (mill) race) x) S 1 42 42 0 -1 4194560 1 0 0 0 150 50 0 0 20 0 7 0 1000 123456 25 "
    "18446744073709551615 1 1 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0\n";

TEST(ProcessTest, StatWithAHostileName) {
  const auto stat = parse_stat(kStat);
  ASSERT_TRUE(stat.has_value());
  EXPECT_EQ(stat->user_ticks, 150U);
  EXPECT_EQ(stat->system_ticks, 50U);
  EXPECT_EQ(stat->threads, 7U);
  EXPECT_EQ(stat->start_ticks, 1000U);
  EXPECT_EQ(stat->virtual_bytes, 123456U);
  EXPECT_EQ(stat->resident_pages, 25U);
}

TEST(ProcessTest, UsageIsWhatTheWholeFiguresSay) {
  const Usage usage = read_usage();
  EXPECT_GT(usage.resident_bytes, 0U);
  EXPECT_LE(usage.cpu_seconds, read_process_figures().cpu_seconds.value_or(-1));
  EXPECT_EQ(read_usage("/missing").resident_bytes, 0U);
}

TEST(ProcessTest, WhatIsNotAStatLineGivesNothing) {
  const std::string whole(kStat);
  for (const std::string& text :
       {std::string(), std::string("42"), std::string("42 (x) "), whole.substr(0, 60),
        std::string("42 (x) S a b c d e f g h i j k l m n o p q r s t u v w x y z")}) {
    EXPECT_FALSE(parse_stat(text).has_value()) << text;
  }
}

TEST(ProcessTest, OwnFiguresMakeSense) {
  const ProcessFigures figures = read_process_figures();
  EXPECT_GT(figures.memory.resident_bytes.value(), 100'000U);
  EXPECT_GE(figures.memory.virtual_bytes.value(), figures.memory.resident_bytes.value());
  EXPECT_GE(figures.open_fds.value(), 3U);
  EXPECT_GE(figures.max_fds.value(), figures.open_fds.value());
  EXPECT_GT(figures.start_time_seconds.value(), 1.7e9);
  EXPECT_GE(figures.cpu_seconds.value(), 0);
  EXPECT_GT(figures.memory.limit_bytes.value(), figures.memory.resident_bytes.value());
}

class ProcessTreeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "mr_proc_XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
  }
  void TearDown() override { fs::remove_all(root_); }
  void put(const std::string& path, const std::string& text) {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  fs::path root_;
};

TEST_F(ProcessTreeTest, TheSmallestLimitCounts) {
  put("proc/meminfo", "MemTotal:       8000000 kB\nMemFree: 1 kB\n");
  EXPECT_EQ(read_memory_figures(root_.string()).limit_bytes, 8'192'000'000U);
  put("sys/fs/cgroup/memory.max", "max\n");
  EXPECT_EQ(read_memory_figures(root_.string()).limit_bytes, 8'192'000'000U);
  put("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  EXPECT_EQ(read_memory_figures(root_.string()).limit_bytes, 8'192'000'000U);
  put("sys/fs/cgroup/memory.max", "536870912\n");
  EXPECT_EQ(read_memory_figures(root_.string()).limit_bytes, 536'870'912U);
  put("proc/self/cgroup", "0::/system.slice/millrace.service\n");
  put("sys/fs/cgroup/system.slice/millrace.service/memory.max", "268435456\n");
  EXPECT_EQ(read_memory_figures(root_.string()).limit_bytes, 268'435'456U);
}

TEST_F(ProcessTreeTest, UnlimitedFilesAndMissingFilesAreAbsent) {
  put("proc/self/limits",
      "Limit                     Soft Limit           Hard Limit           Units     \n"
      "Max open files            unlimited            unlimited            files     \n");
  const ProcessFigures figures = read_process_figures(root_.string());
  EXPECT_FALSE(figures.max_fds.has_value());
  EXPECT_FALSE(figures.memory.resident_bytes.has_value());
  EXPECT_FALSE(figures.open_fds.has_value());
  EXPECT_FALSE(figures.memory.limit_bytes.has_value());
}

TEST_F(ProcessTreeTest, StartTimeIsBootPlusTicks) {
  put("proc/self/stat", kStat);
  put("proc/stat", "cpu 1 2 3\nbtime 1700000000\n");
  const ProcessFigures figures = read_process_figures(root_.string());
  EXPECT_DOUBLE_EQ(figures.start_time_seconds.value(),
                   1'700'000'000 + 1000.0 / static_cast<double>(::sysconf(_SC_CLK_TCK)));
}

}  // namespace
}  // namespace mr::observability
