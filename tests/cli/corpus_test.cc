#include "cli/corpus.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

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
    return Corpus::open(path_.string());
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
  EXPECT_EQ(first->ts, 1.5);
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
  EXPECT_TRUE(open("").ok());
}

TEST_F(CorpusTest, AMissingFileIsNamed) {
  const auto missing = Corpus::open("/nonexistent/file");
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code, CorpusErrc::kOpen);
}

}  // namespace
}  // namespace mr::cli
