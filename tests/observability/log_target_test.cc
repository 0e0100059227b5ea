#include "observability/log_target.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "log_recording.h"
#include "observability/log.h"

namespace mr::observability {
namespace {

namespace fs = std::filesystem;

class LogTargetTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "mr_log_XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { fs::remove_all(folder_); }
  static std::string content(const fs::path& path) {
    std::ifstream in(path);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
  }
  fs::path folder_;
};

TEST_F(LogTargetTest, AppendsToWhatIsThere) {
  const fs::path path = folder_ / "millrace.log";
  std::ofstream(path) << "old\n";
  auto target = open_log_target(path.string());
  ASSERT_TRUE(target.ok());
  EXPECT_TRUE(target.value()->write("new\n"));
  EXPECT_EQ(content(path), "old\nnew\n");
  EXPECT_FALSE(target.value()->is_terminal());
  EXPECT_FALSE(target.value()->takes_color());
}

TEST_F(LogTargetTest, RotationLosesNoLine) {
  const fs::path path = folder_ / "millrace.log";
  const test::HandClock clock;
  Log log({}, clock, open_log_target(path.string()).value());
  const Logger logger(log, "net");
  logger.info("before");
  fs::rename(path, folder_ / "millrace.log.1");
  logger.info("between");
  log.reopen();
  logger.info("after");
  EXPECT_EQ(test::lines_of(content(folder_ / "millrace.log.1")).size(), 2U);
  const auto lines = test::lines_of(content(path));
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_NE(lines[0].find("after"), std::string::npos);
}

TEST_F(LogTargetTest, AFailedReopenKeepsTheOldFileAndSaysSo) {
  const fs::path logs = folder_ / "logs";
  fs::create_directory(logs);
  const test::HandClock clock;
  Log log({}, clock, open_log_target((logs / "a.log").string()).value());
  fs::rename(logs, folder_ / "moved");
  log.reopen();
  Logger(log, "net").info("still written");
  const std::string text = content(folder_ / "moved" / "a.log");
  EXPECT_NE(text.find("could not be reopened"), std::string::npos);
  EXPECT_NE(text.find("still written"), std::string::npos);
}

TEST_F(LogTargetTest, AMissingFolderIsAnErrorThatNamesThePath) {
  const auto target = open_log_target((folder_ / "none" / "a.log").string());
  ASSERT_FALSE(target.ok());
  EXPECT_EQ(target.error().code, LogErrc::kBadFile);
  EXPECT_NE(target.error().detail.find("none/a.log"), std::string::npos);
}

}  // namespace
}  // namespace mr::observability
