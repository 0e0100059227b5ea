#include "ws/handshake.h"

#include <gtest/gtest.h>

namespace mr::ws {
namespace {

constexpr std::string_view kKey = "dGhlIHNhbXBsZSBub25jZQ==";  // RFC 6455 1.3

http::Request good_request() {
  http::Request request;
  request.method = http::Method::kGet;
  request.method_text = "GET";
  request.headers = {{"host", "localhost"},
                     {"connection", "keep-alive, Upgrade"},
                     {"upgrade", "WebSocket"},
                     {"sec-websocket-version", "13"},
                     {"sec-websocket-key", std::string(kKey)}};
  return request;
}

void set_header(http::Request& request, std::string_view name, std::string_view value) {
  for (auto& header : request.headers) {
    if (header.name == name) header.value = value;
  }
}

void expect_refused(const http::Request& request, HandshakeErrc error, int status) {
  const auto result = accept_handshake(request);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, error);
  EXPECT_EQ(http_status(error), status);
  EXPECT_NE(result.error().detail.find("; "), std::string::npos) << result.error().detail;
}

TEST(HandshakeTest, AnswersTheExampleOfTheStandard) {
  const auto result = accept_handshake(good_request());
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result.value(),
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
}

TEST(HandshakeTest, RefusesOtherMethods) {
  http::Request request = good_request();
  request.method = http::Method::kPost;
  request.method_text = "POST";
  expect_refused(request, HandshakeErrc::kMethod, 405);
}

TEST(HandshakeTest, RefusesOldHttp) {
  http::Request request = good_request();
  request.minor = 0;
  expect_refused(request, HandshakeErrc::kHttpVersion, 400);
}

TEST(HandshakeTest, RefusesWhatIsNoUpgrade) {
  http::Request request = good_request();
  set_header(request, "upgrade", "h2c");
  expect_refused(request, HandshakeErrc::kNotUpgrade, 426);
  request = good_request();
  set_header(request, "connection", "keep-alive");
  expect_refused(request, HandshakeErrc::kNotUpgrade, 426);
}

TEST(HandshakeTest, RefusesOtherVersions) {
  http::Request request = good_request();
  for (const char* version : {"8", "", "013", "13, 8"}) {
    set_header(request, "sec-websocket-version", version);
    expect_refused(request, HandshakeErrc::kVersion, 426);
  }
  std::erase_if(request.headers,
                [](const auto& header) { return header.name == "sec-websocket-version"; });
  expect_refused(request, HandshakeErrc::kVersion, 426);
}

TEST(HandshakeTest, RefusesWrongKeys) {
  http::Request request = good_request();
  for (const char* key : {"", "short", "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZQ===",
                          "dGhlIHNhbXBsZSBub25jZ*==", "dGhlIHNhbXBsZSBub25jZQQQ"}) {
    set_header(request, "sec-websocket-key", key);
    expect_refused(request, HandshakeErrc::kKey, 400);
  }
}

TEST(HandshakeTest, EchoesNothingUnprintableAndNothingLong) {
  http::Request request = good_request();
  set_header(request, "sec-websocket-key", std::string(5000, '\x01'));
  const auto result = accept_handshake(request);
  ASSERT_FALSE(result.ok());
  EXPECT_LT(result.error().detail.size(), 120U);
  EXPECT_EQ(result.error().detail.find('\x01'), std::string::npos);
}

TEST(HandshakeTest, ClientSideFitsTheServerSide) {
  const std::string request = client_handshake("example.com:8080", "/app/key?v=7", kKey);
  EXPECT_EQ(request,
            "GET /app/key?v=7 HTTP/1.1\r\nHost: example.com:8080\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
  EXPECT_TRUE(check_accept(kKey, accept_value(kKey)));
  EXPECT_FALSE(check_accept(kKey, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo"));
  EXPECT_FALSE(check_accept("x3JJHMbDL1EzLkh9GBhXDw==", accept_value(kKey)));
}

}  // namespace
}  // namespace mr::ws
