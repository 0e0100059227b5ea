#include "net/cpu_limit.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace mr::net {
namespace {

namespace fs = std::filesystem;

class CpuLimitTest : public testing::Test {
 protected:
  void SetUp() override {
    root_ =
        fs::path(testing::TempDir()) /
        (std::string("cpu_limit_") + testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::remove_all(root_);
  }
  void TearDown() override { fs::remove_all(root_); }
  void put(const std::string& path, const std::string& text) {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  std::optional<double> quota() { return cgroup_cpu_quota(root_.string()); }
  fs::path root_;
};

TEST_F(CpuLimitTest, NoFilesMeanNoQuota) { EXPECT_EQ(quota(), std::nullopt); }

TEST_F(CpuLimitTest, Version2TakesTheTightestAncestor) {
  put("proc/self/cgroup", "0::/system.slice/millrace.service\n");
  put("sys/fs/cgroup/system.slice/millrace.service/cpu.max", "max 100000\n");
  EXPECT_EQ(quota(), std::nullopt);
  put("sys/fs/cgroup/system.slice/cpu.max", "150000 100000\n");
  EXPECT_EQ(quota(), 1.5);
}

TEST_F(CpuLimitTest, Version2InAContainerReadsTheMountsRoot) {
  put("proc/self/cgroup", "0::/kubepods/of/the/host\n");
  put("sys/fs/cgroup/cpu.max", "400000 100000\n");
  EXPECT_EQ(quota(), 4.0);
}

TEST_F(CpuLimitTest, Version1ReadsTheCpuController) {
  put("proc/self/cgroup", "5:cpuset:/x\n4:cpu,cpuacct:/docker/abc\n");
  put("sys/fs/cgroup/cpu/docker/abc/cpu.cfs_quota_us", "-1\n");
  put("sys/fs/cgroup/cpu/docker/abc/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(quota(), std::nullopt);
  put("sys/fs/cgroup/cpu/docker/abc/cpu.cfs_quota_us", "50000\n");
  EXPECT_EQ(quota(), 0.5);
}

TEST(LoopCountTest, IsAtLeastOne) { EXPECT_GE(default_loop_count(), 1U); }

TEST(FdLimitTest, IsRaisedToTheHardLimit) {
  auto limit = raise_fd_limit();
  ASSERT_TRUE(limit.ok()) << limit.error().detail;
  EXPECT_GT(limit.value(), 0U);
}

// A limit of ten ended in an assertion.
TEST(FdLimitTest, TooFewForTheLoopsIsAnErrorThatNamesBoth) {
  EXPECT_TRUE(check_fd_limit(1).ok());
  const auto few = check_fd_limit(std::size_t{1} << 40);
  ASSERT_FALSE(few.ok());
  EXPECT_NE(few.error().detail.find("ulimit -n"), std::string::npos) << few.error().detail;
  EXPECT_NE(few.error().detail.find(std::to_string((std::size_t{1} << 40) * 4 + 24)),
            std::string::npos);
}

}  // namespace
}  // namespace mr::net
