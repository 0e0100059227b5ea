#include "json/writer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "json/parser.h"

namespace mr::json {
namespace {

TEST(WriterTest, PutsCommasWhereTheyBelong) {
  std::string out;
  Writer writer(out);
  writer.begin_object();
  writer.key("a");
  writer.begin_array();
  writer.number(1);
  writer.begin_object();
  writer.end_object();
  writer.begin_array();
  writer.end_array();
  writer.null();
  writer.end_array();
  writer.key("b");
  writer.boolean(true);
  writer.key("c");
  writer.raw("{\"x\": 1.0}");
  writer.key("d");
  writer.string("t");
  writer.end_object();
  EXPECT_EQ(out, R"({"a":[1,{},[],null],"b":true,"c":{"x": 1.0},"d":"t"})");
}

TEST(WriterTest, EscapesWhatRfc8259Demands) {
  EXPECT_EQ(quote(std::string_view("\"\\\b\f\n\r\t\0\x1f/\x7f", 11)),
            "\"\\\"\\\\\\b\\f\\n\\r\\t\\u0000\\u001f/\x7f\"");
  EXPECT_EQ(quote("grün €"), "\"grün €\"");
  EXPECT_EQ(quote(""), "\"\"");
}

TEST(WriterTest, NumbersReadBackTheSame) {
  std::string out;
  Writer writer(out);
  writer.begin_array();
  writer.number(std::numeric_limits<std::int64_t>::min());
  writer.number(std::numeric_limits<std::uint64_t>::max());
  writer.number(0.1);
  writer.number(1e300);
  writer.number(std::nan(""));
  writer.number(std::numeric_limits<double>::infinity());
  writer.number(7U);
  writer.end_array();
  EXPECT_EQ(out, "[-9223372036854775808,18446744073709551615,0.1,1e+300,null,null,7]");
}

TEST(WriterTest, AQuotedStringReadsBackTheSame) {
  Parser parser(1 << 16);
  std::string text;
  for (int c = 0; c < 128; ++c) text += static_cast<char>(c);
  text += "é€😀";
  const auto read = parser.parse(quote(text));
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read.value().as_string(), text);
}

}  // namespace
}  // namespace mr::json
