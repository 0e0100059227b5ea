#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "log_recording.h"
#include "observability/log.h"

namespace mr::observability {
namespace {

std::string line_of(std::string_view message, Fields fields, LogFormat format) {
  const test::HandClock clock;
  return format_line({Level::kInfo, "session", message, {fields.begin(), fields.size()}},
                     clock.wall_now(), format);
}

TEST(LogFormatTest, JsonHasTheFourMembersAndTheFields) {
  const std::string channel = "private-a";
  EXPECT_EQ(line_of("subscribed",
                    {{"channel", channel},
                     {"code", 4009},
                     {"bytes", std::size_t{18446744073709551615ULL}},
                     {"share", 0.25},
                     {"presence", false}},
                    LogFormat::kJson),
            R"({"ts":"2026-03-04T05:06:07.089Z","level":"info","component":"session",)"
            R"("msg":"subscribed","channel":"private-a","code":4009,)"
            R"("bytes":18446744073709551615,"share":0.25,"presence":false})"
            "\n");
}

TEST(LogFormatTest, HostileValuesStayInsideTheirString) {
  EXPECT_EQ(
      line_of("refused", {{"channel", "x\",\"level\":\"error\"}\n{\"ts\":\""}}, LogFormat::kJson),
      R"({"ts":"2026-03-04T05:06:07.089Z","level":"info","component":"session",)"
      R"("msg":"refused","channel":"x\",\"level\":\"error\"}\n{\"ts\":\""})"
      "\n");
  EXPECT_EQ(line_of("refused", {{"origin", "evil\nINFO all well"}, {"agent", "\x1b]0;x\x07"}},
                    LogFormat::kText),
            "2026-03-04T05:06:07.089Z INFO  session: refused"
            " origin=\"evil\\nINFO all well\" agent=\"\\u001b]0;x\\u0007\"\n");
}

TEST(LogFormatTest, TextQuotesWhatIsNotAWord) {
  EXPECT_EQ(
      line_of("hello", {{"a", "word"}, {"b", ""}, {"c", "x=y"}, {"d", "日本"}, {"e", -1}},
              LogFormat::kText),
      "2026-03-04T05:06:07.089Z INFO  session: hello a=word b=\"\" c=\"x=y\" d=\"日本\" e=-1\n");
}

TEST(LogFormatTest, ColorsOnlyInColorText) {
  EXPECT_EQ(line_of("m", {{"k", 1}}, LogFormat::kText).find('\x1b'), std::string::npos);
  EXPECT_EQ(line_of("m", {{"k", 1}}, LogFormat::kColorText),
            "2026-03-04T05:06:07.089Z \x1b[32mINFO \x1b[0m session: m \x1b[2mk=\x1b[0m1\n");
}

TEST(LogFormatTest, JsonHasNoNumberForNan) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_NE(line_of("m", {{"x", nan}}, LogFormat::kJson).find(R"("x":null)"), std::string::npos);
}

TEST(LogFormatTest, LongValuesAreCut) {
  const std::string line = line_of("m", {{"x", std::string(5000, 'a')}}, LogFormat::kJson);
  EXPECT_LT(line.size(), 1200U);
  EXPECT_NE(line.find("aaa\u2026\"}"), std::string::npos);
}

}  // namespace
}  // namespace mr::observability
