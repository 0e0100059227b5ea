#include "observability/level.h"

#include <gtest/gtest.h>

namespace mr::observability {
namespace {

TEST(LevelsTest, DefaultAndExceptions) {
  const auto levels = Levels::parse(" warn , delta=debug,api.rest=OFF,delta=trace");
  ASSERT_TRUE(levels.ok()) << levels.error().detail;
  EXPECT_EQ(levels.value().of("hub"), Level::kWarn);
  EXPECT_EQ(levels.value().of("delta"), Level::kTrace);
  EXPECT_EQ(levels.value().of("api.rest"), Level::kOff);
  EXPECT_EQ(levels.value().to_text(), "warn,api.rest=off,delta=trace");
}

TEST(LevelsTest, OnlyExceptionsKeepInfo) {
  const auto levels = Levels::parse("ws=warning");
  ASSERT_TRUE(levels.ok());
  EXPECT_EQ(levels.value().fallback, Level::kInfo);
  EXPECT_EQ(levels.value().of("ws"), Level::kWarn);
}

TEST(LevelsTest, TextReadsBack) {
  const auto levels = Levels::parse("error,a=trace,b=none").value();
  EXPECT_EQ(Levels::parse(levels.to_text()).value().to_text(), levels.to_text());
}

TEST(LevelsTest, RefusalsNameThePartAndTheRemedy) {
  for (const char* text : {"", " ", "loud", "info,", ",info", "info,delta=", "delta=loud", "=info",
                           "In Fo", "DELTA=info", "a b=info"}) {
    const auto levels = Levels::parse(text);
    ASSERT_FALSE(levels.ok()) << text;
    EXPECT_EQ(levels.error().code, LogErrc::kBadLevels);
  }
  const std::string detail = Levels::parse("info,delta=loud\x1b").error().detail;
  EXPECT_NE(detail.find("delta=loud\\u001b"), detail.npos) << detail;
  EXPECT_NE(detail.find("trace, debug"), detail.npos) << detail;
}

TEST(LevelsTest, ComponentsAreBounded) {
  std::string text = "info";
  for (std::size_t i = 0; i < Levels::kComponentsMax; ++i)
    text += ",c" + std::to_string(i) + "=off";
  EXPECT_TRUE(Levels::parse(text).ok());
  EXPECT_FALSE(Levels::parse(text + ",more=off").ok());
  EXPECT_FALSE(Levels::parse(std::string(33, 'a') + "=off").ok());
}

}  // namespace
}  // namespace mr::observability
