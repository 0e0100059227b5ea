#include "cli/corpus.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace mr::cli {
namespace {

class CorpusTest : public ::testing::Test {
 protected:
  CorpusTest()
      : path_(std::filesystem::temp_directory_path() /
              ("millrace-corpus-" + std::to_string(::getpid()) + ".ndjson")) {}
  ~CorpusTest() override { std::filesystem::remove(path_); }

  base::Result<Corpus, CorpusErrc> open(const std::string& text) {
    std::ofstream(path_) << text;
    return Corpus::open(path_.string(), std::chrono::seconds(1));
  }

  const std::filesystem::path path_;
};

TEST_F(CorpusTest, ReadsEvents) {
  auto corpus = open(
      "{\"ts\":1.5,\"channel\":\"a\",\"event\":\"e\",\"key\":\"k\",\"data\":\"{\\\"x\\\":1}\"}\n"
      "\n"
      "{\"channel\":\"b\",\"event\":\"f\",\"data\":{\"n\": 1.0}}");
  ASSERT_TRUE(corpus.ok());
  Corpus& events = corpus.value();
  EXPECT_EQ(events.count(), 2u);
  const auto first = events.next();
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(first->at, base::Duration::zero());
  EXPECT_EQ(first->data, "{\"x\":1}");
  const auto second = events.next();
  ASSERT_TRUE(second.has_value());
  EXPECT_EQ(second->data, "{\"n\": 1.0}");
  EXPECT_FALSE(events.next().has_value());
}

TEST_F(CorpusTest, NamesTheBadLine) {
  const auto broken = open("{\"channel\":\"a\",\"event\":\"e\",\"data\":1}\n{oops\n");
  ASSERT_FALSE(broken.ok());
  EXPECT_EQ(broken.error().code, CorpusErrc::kLine);
  EXPECT_NE(broken.error().detail.find(":2: "), std::string::npos) << broken.error().detail;
  EXPECT_FALSE(open("{\"event\":\"e\",\"data\":1}\n").ok());
  EXPECT_FALSE(open("{\"channel\":\"a\",\"data\":1}\n").ok());
  EXPECT_FALSE(open("{\"channel\":\"a\",\"event\":\"e\"}\n").ok());
  EXPECT_FALSE(open("{\"ts\":\"1\",\"channel\":\"a\",\"event\":\"e\",\"data\":1}\n").ok());
}

// A recording joined from several years' captures lasted for years.
TEST_F(CorpusTest, PausesAreCutAndTimeNeverRunsBackwards) {
  std::string text;
  for (const char* ts : {"1.0", "1.25", "160000000.0", "5.0", "5.5"}) {
    text += std::string("{\"ts\":") + ts + R"(,"channel":"a","event":"e","data":1})" + "\n";
  }
  text += "{\"channel\":\"a\",\"event\":\"without a time\",\"data\":1}\n";
  auto corpus = open(text);
  ASSERT_TRUE(corpus.ok());
  std::vector<std::int64_t> at;
  while (const auto event = corpus.value().next()) {
    at.push_back(std::chrono::duration_cast<std::chrono::milliseconds>(event->at).count());
  }
  EXPECT_EQ(at, (std::vector<std::int64_t>{0, 250, 1250, 1250, 1750, 1750}));
  EXPECT_EQ(corpus.value().length(), std::chrono::milliseconds(1750));
  EXPECT_EQ(corpus.value().pauses_cut(), 1u);
}

TEST_F(CorpusTest, AFileWithoutAnEventIsAnError) {
  for (const std::string text : {"", "\n  \n"}) {
    const auto empty = open(text);
    ASSERT_FALSE(empty.ok());
    EXPECT_EQ(empty.error().code, CorpusErrc::kEmpty);
    EXPECT_NE(empty.error().detail.find(path_.string()), std::string::npos);
  }
}

// It was read twice, and a pipe has nothing for the second time.
TEST_F(CorpusTest, WhatCannotBeReadTwiceIsRefused) {
  const auto folder = Corpus::open("/", std::chrono::seconds(1));
  ASSERT_FALSE(folder.ok());
  EXPECT_EQ(folder.error().code, CorpusErrc::kOpen);
  EXPECT_EQ(Corpus::open("/dev/null", std::chrono::seconds(1)).error().code, CorpusErrc::kOpen);
}

TEST_F(CorpusTest, AMissingFileIsNamed) {
  const auto missing = Corpus::open("/nonexistent/file", std::chrono::seconds(1));
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code, CorpusErrc::kOpen);
}

}  // namespace
}  // namespace mr::cli
