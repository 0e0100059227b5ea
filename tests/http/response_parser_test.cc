#include <gtest/gtest.h>

#include <string>

#include "http/parser.h"

namespace mr::http {
namespace {

const Options kOptions;

TEST(ResponseParser, ReadsWhatTheWriterWrites) {
  Response response = json_response(200, "{}");
  response.headers.push_back({"X-A", "b"});
  const std::string bytes = write_response(response, true, false);
  for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
    ResponseParser parser(kOptions);
    ASSERT_TRUE(parser.consume(bytes.substr(0, cut)).ok());
    const auto progress = parser.consume(bytes.substr(cut));
    ASSERT_TRUE(progress.ok());
    ASSERT_TRUE(progress.value().complete) << "cut at " << cut;
    const Response got = parser.take();
    EXPECT_EQ(got.status, 200);
    EXPECT_EQ(got.body, "{}");
    EXPECT_EQ(got.content_type, "application/json");
    EXPECT_EQ(*got.header("x-a"), "b");
    EXPECT_TRUE(parser.keep_alive());
  }
}

TEST(ResponseParser, SkipsInterimAnswersButNot101) {
  ResponseParser parser(kOptions);
  const std::string bytes =
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
  const auto progress = parser.consume(bytes);
  ASSERT_TRUE(progress.ok());
  ASSERT_TRUE(progress.value().complete);
  EXPECT_EQ(parser.take().status, 204);
  EXPECT_FALSE(parser.keep_alive());

  ResponseParser upgrade(kOptions);
  const auto switched =
      upgrade.consume("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\nframes");
  ASSERT_TRUE(switched.ok());
  ASSERT_TRUE(switched.value().complete);
  EXPECT_EQ(upgrade.take().status, 101);
}

TEST(ResponseParser, HeadHasNoBody) {
  ResponseParser parser(kOptions);
  parser.expect(true);
  const auto progress = parser.consume("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n");
  ASSERT_TRUE(progress.ok());
  EXPECT_TRUE(progress.value().complete);
}

TEST(ResponseParser, BodyUntilTheEnd) {
  ResponseParser parser(kOptions);
  ASSERT_TRUE(parser.consume("HTTP/1.1 200 OK\r\n\r\nabc").ok());
  ASSERT_TRUE(parser.consume("def").ok());
  ASSERT_TRUE(parser.finish());
  EXPECT_EQ(parser.take().body, "abcdef");
  EXPECT_FALSE(parser.keep_alive());

  ResponseParser cut(kOptions);
  ASSERT_TRUE(cut.consume("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc").ok());
  EXPECT_FALSE(cut.finish());
}

TEST(ResponseParser, RefusesWhatIsNotHttp) {
  ResponseParser parser(kOptions);
  EXPECT_FALSE(parser.consume("SSH-2.0-OpenSSH\r\n\r\n").ok());
}

}  // namespace
}  // namespace mr::http
