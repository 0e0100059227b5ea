#include "observability/log_target.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

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

TEST_F(LogTargetTest, AReaderThatDoesNotReadBlocksNobody) {
  const fs::path path = folder_ / "pipe";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  EXPECT_FALSE(open_log_target(path.string()).ok()) << "nobody reads the FIFO";
  const int reader = ::open(path.c_str(), O_RDONLY | O_NONBLOCK);
  ASSERT_GE(reader, 0);
  auto target = open_log_target(path.string());
  ASSERT_TRUE(target.ok());
  std::string lines;
  while (lines.size() < (1 << 20)) lines += std::string(99, 'x') + "\n";
  const std::size_t taken = target.value()->write(lines);
  EXPECT_GT(taken, 0U);
  EXPECT_LT(taken, lines.size());
  EXPECT_EQ(taken % 100, 0U) << "a line was cut";
  std::string room(4096, ' ');
  ASSERT_EQ(::read(reader, room.data(), room.size()), 4096);
  EXPECT_EQ(target.value()->write("again\n"), 6U) << "goes on with a reader that is back";
  ::close(reader);
}

// In a child, whose stderr is a blocking pipe.
int write_to_a_full_stderr() {
  int ends[2];
  if (::pipe(ends) != 0 || ::dup2(ends[1], STDERR_FILENO) < 0) return 1;
  const test::HandClock clock;
  Log log({}, clock, open_log_target("").value());
  const Logger logger(log, "net");
  const std::string value(1000, 'x');
  log.on_lines_waiting([] {});
  for (int i = 0; i < 100; ++i) {
    logger.info("much", {{"value", value}});
  }
  log.on_lines_waiting(nullptr);
  return log.dropped() > 0 ? 0 : 2;
}

TEST_F(LogTargetTest, AFullStderrBlocksNobody) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) ::_exit(write_to_a_full_stderr());
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_F(LogTargetTest, AMissingFolderIsAnErrorThatNamesThePath) {
  const auto target = open_log_target((folder_ / "none" / "a.log").string());
  ASSERT_FALSE(target.ok());
  EXPECT_EQ(target.error().code, LogErrc::kBadFile);
  EXPECT_NE(target.error().detail.find("none/a.log"), std::string::npos);
}

}  // namespace
}  // namespace mr::observability
